/** Writes models that compute next to nothing, for builds that show what all but the models takes: FOLDER. */

import { writeFreeModels } from "./free-models.ts";

const { generator, labeler } = await writeFreeModels(process.argv[2] ?? ".");
process.stdout.write(`${generator}\n${labeler}\n`);
