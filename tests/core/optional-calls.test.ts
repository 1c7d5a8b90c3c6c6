import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Finds arguments of optional calls that do work: if the call does not happen, that work is not done. */
function findLostWork(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node, isOptional: boolean): void => {
    if (isOptional && doesWork(node)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`${source.fileName}:${line + 1} ${node.getText(source)}`);
    }
    // The body of a function runs when the function is called, not with the optional call.
    const isInside = isOptional && !ts.isFunctionLike(node);
    const startsHere = ts.isCallExpression(node) && (node.flags & ts.NodeFlags.OptionalChain) !== 0;
    ts.forEachChild(node, (child) =>
      visit(child, isInside || (startsHere && node.arguments.some((argument) => argument === child))),
    );
  };
  visit(source, false);
  return found;
}

function doesWork(node: ts.Node): boolean {
  if (ts.isAwaitExpression(node) || ts.isYieldExpression(node) || ts.isPostfixUnaryExpression(node)) return true;
  if (ts.isPrefixUnaryExpression(node)) {
    return [ts.SyntaxKind.PlusPlusToken, ts.SyntaxKind.MinusMinusToken].includes(node.operator);
  }
  const { FirstAssignment, LastAssignment } = ts.SyntaxKind;
  return (
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind >= FirstAssignment &&
    node.operatorToken.kind <= LastAssignment
  );
}

const parse = (name: string, text: string) => ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);

test("no argument of an optional call does work", async () => {
  const found: string[] = [];
  const { include } = JSON.parse(await readFile(join(root, "tsconfig.build.json"), "utf8"));
  for (const folder of include as string[]) {
    const names = await readdir(join(root, folder), { recursive: true });
    for (const name of names.filter((file) => file.endsWith(".ts"))) {
      found.push(...findLostWork(parse(`${folder}/${name}`, await readFile(join(root, folder, name), "utf8"))));
    }
  }
  expect(found).toEqual([]);
});

test.each([
  ["options.onShard?.({ entry, outcome: await upload() });", 1],
  ["log?.write(count++, (total += 1));", 2],
  ["a?.b.c(await d);", 1],
  ["onDone?.(() => { count++; }, sum, -1, call(x));", 0],
  ["onDone(await work());", 0],
])("work in arguments of optional calls is found: %s", (text, count) => {
  expect(findLostWork(parse("example.ts", text))).toHaveLength(count);
});
