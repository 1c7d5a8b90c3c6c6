/** The page of a build: how far it is, how fast, and what it has made last. */

import { BuildPage } from "./build-page.ts";
import { startPage } from "./start-page.ts";

startPage((site) => new BuildPage(site));
