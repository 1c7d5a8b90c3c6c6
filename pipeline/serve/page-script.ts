/**
 * The page's script: copy buttons, and addresses as this visitor sees them (a tunnel or proxy may have changed them).
 * The page is complete without it.
 */
export const pageScript = `
const served = document.body.dataset.origin;
const here = new URL(".", location.href).href.slice(0, -1);
const status = document.getElementById("status");
for (const snippet of document.querySelectorAll(".snippet")) {
  const code = snippet.querySelector("code");
  const button = snippet.querySelector("button");
  code.textContent = code.textContent.replaceAll(served, here);
  button.hidden = false;
  button.addEventListener("click", async () => {
    const isCopied = await copy(code);
    button.firstChild.textContent = isCopied ? "Copied" : "Selected";
    status.textContent = isCopied ? "Copied" : "The lines are selected, to be copied by hand";
    setTimeout(() => { button.firstChild.textContent = "Copy"; status.textContent = ""; }, 3000);
  });
}

// navigator.clipboard is there on localhost and over https only; the old way works over plain http too.
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    const selection = getSelection();
    selection.selectAllChildren(code);
    const isCopied = document.execCommand("copy");
    if (isCopied) selection.removeAllRanges();
    return isCopied;
  }
}
`;
