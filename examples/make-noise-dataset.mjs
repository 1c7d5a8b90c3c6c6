import { writeDataset } from "cifar5m";

const classNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/** Writes a data set of `numImages` train images of noise. Returns its folder. */
export async function makeNoiseDataset(directory, numImages = 1000) {
  async function* rows() {
    for (let row = 0; row < numImages; row++) {
      const label = row % 10;
      const probabilities = classNames.map((_, index) => (index === label ? 0.91 : 0.01));
      yield { images: crypto.getRandomValues(new Uint8Array(3072)), classes: [label], probabilities };
    }
  }
  await writeDataset(directory, { name: "noise", classNames, train: rows() });
  return directory;
}
