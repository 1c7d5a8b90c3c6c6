#!/usr/bin/env node
import { buildCommand } from "./build.ts";
import type { Command } from "./command.ts";
import { dedupCommand } from "./dedup.ts";
import { doctorCommand } from "./doctor.ts";
import {
  experimentCompareCommand,
  experimentListCommand,
  experimentReportCommand,
  experimentRunCommand,
} from "./experiment.ts";
import { exportCommand } from "./export.ts";
import { fetchCommand } from "./fetch.ts";
import { importCommand } from "./import.ts";
import { inspectCommand } from "./inspect.ts";
import { labelCommand } from "./label.ts";
import { publishCommand } from "./publish.ts";
import { regenerateCommand } from "./regenerate.ts";
import { repairCommand } from "./repair.ts";
import { runCommands } from "./run-commands.ts";
import { sampleCommand } from "./sample.ts";
import { scoreCommand } from "./score.ts";
import { scoreGeneratorCommand } from "./score-generator.ts";
import { serveCommand } from "./serve.ts";
import { setupCudaCommand } from "./setup-cuda.ts";
import { setupTensorFlowCommand } from "./setup-tensorflow.ts";
import { trainGeneratorCommand } from "./train-generator.ts";
import { trainLabelerCommand } from "./train-labeler.ts";
import { verifyCommand } from "./verify.ts";

/** All commands, in the order of the data. */
const commands: readonly Command[] = [
  buildCommand,
  fetchCommand,
  trainGeneratorCommand,
  trainLabelerCommand,
  sampleCommand,
  labelCommand,
  dedupCommand,
  publishCommand,
  verifyCommand,
  repairCommand,
  regenerateCommand,
  inspectCommand,
  scoreCommand,
  scoreGeneratorCommand,
  serveCommand,
  importCommand,
  exportCommand,
  experimentRunCommand,
  experimentListCommand,
  experimentCompareCommand,
  experimentReportCommand,
  doctorCommand,
  setupCudaCommand,
  setupTensorFlowCommand,
];

process.exitCode = await runCommands(commands, process.argv.slice(2));
