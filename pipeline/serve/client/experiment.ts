/** The page of the live experiment. */

import "./without-eval.ts";

import { ExperimentPage } from "./experiment-page.ts";
import { OpenSet } from "./open-set.ts";
import { startPage } from "./start-page.ts";

startPage(async (site) => new ExperimentPage((await OpenSet.open("")).manifest, site));
