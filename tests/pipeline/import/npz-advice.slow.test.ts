import { execFileSync, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { adviseOnImages, adviseOnLabels } from "../../../pipeline/import/npz-advice.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runCli } from "../../support/run-cli.ts";
import { makeImages, toInt64Bytes } from "./make-images.ts";
import { makeNpy, makeZip } from "./make-npz.ts";
import { readSplit, rowsOf, runImport } from "./run-import.ts";

const hasNumpy = spawnSync("python3", ["-c", "import numpy"]).status === 0;
const set = makeImages("advice", 30);
const x = makeNpy("|u1", [30, 32, 32, 3], set.images);
const y = makeNpy("<i8", [30], toInt64Bytes(set.labels));

/** Arrays made by numpy that hold the set in another layout, and the expected advice. */
const twisted: readonly (readonly [name: string, numpy: string, advice: string])[] = [
  ["planar images", "X = X.transpose(0, 3, 1, 2)", "X.transpose(0, 2, 3, 1)"],
  ["images last", "X = X.transpose(1, 2, 3, 0)", "X.transpose(3, 0, 1, 2)"],
  ["planar images, images last", "X = X.transpose(3, 1, 2, 0)", "X.transpose(3, 1, 2, 0)"],
  [
    "planes in a row",
    "X = X.transpose(0, 3, 1, 2).reshape(-1, 3072)",
    "X.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)",
  ],
  ["pixels in a row", "X = X.reshape(-1, 3072)", "X.reshape(-1, 32, 32, 3)"],
  ["an opaque channel", "X = np.concatenate([X, np.full_like(X[..., :1], 255)], 3)", "X[..., :3]"],
  ["floats from 0 to 1", "X = X / 255", '(X * 255).round().astype("uint8")'],
  ["half floats from 0 to 1", "X = (X / 255).astype('f2')", '(X * 255).round().astype("uint8")'],
  ["floats from -1 to 1", "X = (X / 127.5 - 1).astype('f4')", '((X + 1) * 127.5).round().astype("uint8")'],
  ["floats from 0 to 255", "X = X.astype('f4')", 'X.round().astype("uint8")'],
  ["wider integers", "X = X.astype('>i4')", 'X.astype("uint8")'],
  ["one-hot labels", "Y = np.eye(10)[Y]", "Y.argmax(1)"],
  ["a column of labels", "Y = Y[:, None]", "Y[:, 0]"],
  ["labels as floats", "Y = Y.astype('f4')", 'Y.astype("int64")'],
  ["big-endian labels", "Y = Y.astype('>i8')", 'Y.astype("int64")'],
];

test.skipIf(!hasNumpy).for(twisted)(
  "%s are refused, and following the advice gives exactly the expected set",
  async ([, numpy, advice]) => {
    const folder = await makeTestFolder();
    const [whole, wrong, staged] = ["whole", "wrong", "staged"].map((name) => join(folder, `${name}.npz`));
    await writeFile(
      whole!,
      makeZip([
        { name: "X.npy", bytes: x },
        { name: "Y.npy", bytes: y },
      ]),
    );
    const target = advice.includes("X") ? "X" : "Y";
    const script = `
import numpy as np
whole = np.load(${JSON.stringify(whole)})
X, Y = whole["X"], whole["Y"]
${numpy}
np.savez(${JSON.stringify(wrong)}, X=np.ascontiguousarray(X), Y=np.ascontiguousarray(Y))
${target} = ${advice}
np.savez(${JSON.stringify(staged)}, X=np.ascontiguousarray(X), Y=np.ascontiguousarray(Y))
`;
    execFileSync("python3", ["-c", script]);
    const refused = await errorOf(
      () => runImport({ root: join(folder, "a"), path: wrong! }),
      "npz/wrong-(shape|dtype)",
    );
    expect(refused.message).toContain(` ${advice}`);
    await runImport({ root: join(folder, "b"), path: staged! });
    expect(await readSplit(join(folder, "b"), "train")).toMatchObject(rowsOf(set, 0, 30));
  },
);

test.each([
  ["other sizes", { descr: "|u1", shape: [30, 28, 28] }, /scale others, reshaping would mix their pixels/],
  ["gray pictures", { descr: "|u1", shape: [30, 32, 32] }, /numpy\.stack\(\[X, X, X\], axis=3\)/],
  ["planar gray pictures", { descr: "|u1", shape: [30, 1, 32, 32] }, /transpose/],
])("nothing that would mix pixels is advised for %s", (_, header, advice) => {
  expect(adviseOnImages(header)).toMatch(advice);
  expect(adviseOnImages(header)).not.toMatch(/reshape\(/);
});

test("for labels that are names, or that belong to other images, the advice is no conversion", () => {
  expect(adviseOnLabels({ descr: "<U5", shape: [30] }, 30)).toContain("numpy.unique(Y, return_inverse=True)");
  expect(adviseOnLabels({ descr: "<i8", shape: [29] }, 30)).toBe(
    "Save the labels that belong to these images, one each.",
  );
});

/** A .npy whose shape is text. */
function npyOfShape(descr: string, shape: string, data: Uint8Array): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), length, Buffer.from(text), data]);
}

test("files by Python 2, and a name in capitals, are imported", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "PART0.NPZ");
  const old = [
    { name: "X.npy", bytes: npyOfShape("|u1", "(30L, 32L, 32L, 3L)", set.images) },
    { name: "Y.npy", bytes: npyOfShape("<i8", "(30L,)", toInt64Bytes(set.labels)) },
  ];
  await writeFile(path, makeZip(old));
  await runImport({ root: join(folder, "file"), path });
  expect(await readSplit(join(folder, "file"), "train")).toMatchObject(rowsOf(set, 0, 30));
  await runImport({ root: join(folder, "run"), path: folder });
  expect(await readSplit(join(folder, "run"), "train")).toMatchObject(rowsOf(set, 0, 30));
});

test("a large array that is refused early ends the command with a single line", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "negative.npz");
  const many = new Uint8Array(Buffer.concat(Array.from({ length: 200 }, () => set.images)));
  for (const deflate of [true, false]) {
    const members = [
      { name: "X.npy", bytes: npyOfShape("|u1", "(-20, 32, 32, 3)", many), deflate },
      { name: "Y.npy", bytes: y, deflate },
    ];
    await writeFile(path, makeZip(members));
    const { exitCode, stderr } = await runCli(["import", "--from", path, "--run", join(folder, "run"), "--quiet"]);
    expect(stderr).toMatch(/^npz\/not-an-array: .*its shape is \(-20, 32, 32, 3\)\..*\n$/);
    expect(exitCode).toBe(1);
  }
});
