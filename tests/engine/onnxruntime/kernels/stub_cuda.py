"""
Writes libraries that answer like CUDA without doing anything, so that onnxruntime's CUDA provider creates sessions, and
with that decides which nodes it has kernels for, on a machine without a GPU. Nothing can be computed with them.

    python3 stub_cuda.py PROVIDER FOLDER

PROVIDER is libonnxruntime_providers_cuda.so. Needs nm and gcc. Then run a program with LD_LIBRARY_PATH=FOLDER.
"""

import pathlib
import subprocess
import sys

# What must answer more than "success". Everything else returns 0.
ANSWERS = {
    "cudaGetDeviceCount": "int F(int *n) { *n = 1; return 0; }",
    "cudaGetDevice": "int F(int *n) { *n = 0; return 0; }",
    "cudaGetDeviceProperties": "int F(char *p, int d) { memset(p, 0, 1008); return 0; }",
    "cudaMalloc": "int F(void **p, size_t n) { *p = aligned_alloc(256, (n + 511) / 256 * 256); return 0; }",
    "cudaMallocHost": "int F(void **p, size_t n) { *p = malloc(n + 1); return 0; }",
    "cudaHostAlloc": "int F(void **p, size_t n, int f) { *p = malloc(n + 1); return 0; }",
    "cudaFree": "int F(void *p) { free(p); return 0; }",
    "cudaFreeHost": "int F(void *p) { free(p); return 0; }",
    "cudaMemcpy": "int F(void *to, void *from, size_t n, int k) { memcpy(to, from, n); return 0; }",
    "cudaMemcpyAsync": "int F(void *to, void *from, size_t n, int k, void *s) { memcpy(to, from, n); return 0; }",
    "cudaMemGetInfo": "int F(size_t *a, size_t *b) { *a = *b = (size_t)64 << 30; return 0; }",
    "cudaStreamCreate": "int F(void **s) { *s = (void *)1; return 0; }",
    "cudaStreamCreateWithFlags": "int F(void **s, int f) { *s = (void *)1; return 0; }",
    "cudaGetErrorString": 'const char *F(int e) { return "no CUDA"; }',
    "cudaGetErrorName": 'const char *F(int e) { return "no CUDA"; }',
    "cudaDriverGetVersion": "int F(int *v) { *v = 13000; return 0; }",
    "cudaRuntimeGetVersion": "int F(int *v) { *v = 13000; return 0; }",
    "__cudaRegisterFatBinary": "void **F(void *f) { static void *h[64]; return h; }",
    "cublasCreate_v2": "int F(void **h) { *h = (void *)1; return 0; }",
    "cublasLtCreate": "int F(void **h) { *h = (void *)1; return 0; }",
}


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(provider: str, folder: str) -> None:
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    functions: dict[str, list[str]] = {"libcuda.so.1": [], "libcurand.so.10": []}
    for line in run("nm", "-D", "--undefined-only", provider).splitlines():
        name, _, library = line.split()[-1].partition("@")
        if library.startswith(("libcu", "libcurand")):
            functions.setdefault(library, []).append(name)
        elif name.startswith("cu") and library == "":
            functions["libcuda.so.1"].append(name)
    for library, names in functions.items():
        code = ["#include <stdlib.h>", "#include <string.h>"]
        code += [ANSWERS.get(name, "long F() { return 0; }").replace("F(", f"{name}(", 1) for name in names]
        (target / "stub.c").write_text("\n".join(code) + "\n")
        (target / "stub.map").write_text(f"{library} {{ global: *; }};\n")
        options = ["-w", "-fno-builtin", "-shared", "-fPIC", f"-Wl,-soname,{library}"]
        script = f"-Wl,--version-script={target / 'stub.map'}"
        run("gcc", *options, script, "-o", str(target / library), str(target / "stub.c"))


if __name__ == "__main__":
    main(*sys.argv[1:])
