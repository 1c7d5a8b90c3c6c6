import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { recordsOfPythonBatch } from "../../../pipeline/cifar-10/python-batch.ts";
import { readPickle } from "../../../pipeline/cifar-10/read-pickle.ts";
import { cifar10FileBytes, noiseBytes } from "../../support/make-cifar-10.ts";
import { pythonBatch } from "../../support/make-python-cifar.ts";
import { randomIntegers } from "../../support/random-integers.ts";
import { findPythonModules } from "../../support/run-python.ts";

const recordsOf = (pickle: Uint8Array, keys = ["labels"]) => recordsOfPythonBatch(pickle, keys, "data_batch_1");

test("a batch as Python 2 pickled it has the records of the binary version", () => {
  const records = cifar10FileBytes(0, 7);
  expect(Buffer.from(recordsOf(pythonBatch(records))).equals(records)).toBe(true);
  const two = Buffer.concat([
    Uint8Array.of(3, 77),
    noiseBytes("a", 3072),
    Uint8Array.of(19, 99),
    noiseBytes("b", 3072),
  ]);
  const keys = ["coarse_labels", "fine_labels"];
  expect(Buffer.from(recordsOf(pythonBatch(two, keys), keys)).equals(two)).toBe(true);
});

test.skipIf(!findPythonModules(["numpy"]).has("numpy"))(
  "so has one that today's Python pickles, of any protocol",
  () => {
    const records = cifar10FileBytes(0, 300);
    const code = `
import pickle, sys, numpy
records = numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8).reshape(-1, 3073)
batch = {b"data" if sys.argv[2] == "bytes" else "data": records[:, 1:].copy(), "labels": records[:, 0].tolist()}
sys.stdout.buffer.write(pickle.dumps(batch, protocol=int(sys.argv[1])))
`;
    for (const protocol of [2, 3, 4, 5]) {
      for (const keys of ["text", "bytes"]) {
        const options = { input: records, maxBuffer: 2 ** 26 };
        const pickle = execFileSync("python3", ["-c", code, String(protocol), keys], options);
        expect(Buffer.from(recordsOf(pickle)).equals(records), `protocol ${protocol}, ${keys}`).toBe(true);
      }
    }
  },
);

test("a pickle that calls anything else is refused, and nothing is called", () => {
  const hostile = Buffer.from("\x80\x02cos\nsystem\nU\x04true\x85R.", "latin1");
  expect(() => readPickle(hostile)).toThrow("it calls os.system, which such files do not");
  expect(() => recordsOf(hostile)).toThrow(expect.objectContaining({ code: "cifar10/no-batch" }));
});

test.each([
  ["pickle", "opcode 0x70 at byte 0"],
  ["\x80\x02}.", "data must be a uint8 array of shape [n, 3072]"],
  ["\x80\x02K\x01.", "it holds no dictionary"],
  ["\x80\x02}(U\x06labels", "it is cut"],
  ["\x80\x02h\x05.", "value 5 is used before it is made"],
  ["\x80\x02K\x01e.", "a list begins nowhere"],
  ["\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", "it is cut"],
])("%j is refused in one line", (text, reason) => {
  const read = () => recordsOf(Buffer.from(text, "latin1"));
  expect(read).toThrow(expect.objectContaining({ code: "cifar10/no-batch", message: expect.stringContaining(reason) }));
});

test("a batch without the labels is refused with the keys that it has", () => {
  expect(() => recordsOf(pythonBatch(cifar10FileBytes(0, 3)), ["fine_labels"])).toThrow(
    /fine_labels must be a list of 3 integers from 0 to 255, beside batch_label, labels, data, filenames/,
  );
});

test("whatever is cut or changed in a batch, it is read or refused", () => {
  const whole = pythonBatch(cifar10FileBytes(0, 2));
  const integers = randomIntegers(5, 2 ** 31);
  for (let turn = 0; turn < 2000; turn++) {
    const length = turn % 2 === 0 ? whole.length : 1 + (integers.next() % whole.length);
    const damaged = Buffer.from(whole.subarray(0, length));
    // The pixels are most of it, and any pixel is as good as another.
    damaged[integers.next() % Math.min(length, 400)] = integers.next() % 256;
    try {
      expect(recordsOf(damaged).length % 3073).toBe(0);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "cifar10/no-batch" });
    }
  }
});
