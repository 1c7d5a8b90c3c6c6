"""The other end of the benchmark's pipe for contenders in Python: one line of JSON asks, one answers. See contender.ts."""

import json
import sys
import time


def serve(work, check, peak_memory_mb) -> None:
    """Answers "round", "check" and "finish" until asked to finish.

    work: does a round and returns its number of images; check: returns numbers to compare; peak_memory_mb: in MB.
    """
    for line in sys.stdin:
        request = json.loads(line)
        if request == "round":
            start, start_cpu = time.perf_counter(), time.process_time()
            images = work()
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
            answer = {"imagesPerSecond": images / seconds, "cpuMsPerImage": 1000 * cpu_seconds / images}
        else:
            answer = check() if request == "check" else peak_memory_mb()
        print(json.dumps(answer), flush=True)
        if request == "finish":
            break


def peak_memory_mb() -> int:
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) // 1024
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)
