#!/usr/bin/env python3
"""Checks and measures orchrt on a machine with an NVIDIA GPU; make gpu-check runs it.

It needs the files of make gpu-package beside it (orchrt, gpu.test and these scripts), the driver, and python3; no Go
and no network. compute-sanitizer, PyTorch and transformers are used where they are. Each part has a time limit of its
own, the whole ten minutes; after every part results.json, results.md and logs.tar.gz hold what is known so far.

    check.py [--out DIR] [--work DIR] [--only PART,…] [--seconds 570]
"""

import argparse
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# The table of issue 5: name, limit at 4.3 TB/s, best published, goal.
ROWS = {
    "q4_b1": ("Q4_K_M, batch 1, context 1k, tok/s", "892", "197 llama.cpp (9B), 227 TRT-LLM", 500),
    "q8_b1": ("Q8_0, batch 1, context 1k, tok/s", "525", "", 400),
    "bf16_b1": ("BF16, batch 1, context 1k, tok/s", "281", "187 SGLang", 230),
    "q4_32k": ("Q4_K_M, batch 1, context 32k, tok/s", "453", "", 300),
    "q4_prefill": ("prefill 2k, Q4_K_M, tok/s", "54.5k", "12k llama.cpp-class", 30000),
    "bf16_prefill": ("prefill 2k, BF16, tok/s", "54.5k", "48k", 38000),
    "q4_b64": ("Q4_K_M, 64 sequences at 1k, tok/s", "19k", "8.0k NIM at 50", 14000),
    "q4_b64_fp8": ("the same with fp8 KV, tok/s", "29k", "", 20000),
    "load": ("load Q4_K_M from the page cache to first token, s", "", "minutes (vLLM)", 2),
}
# Prefill by the kernels that are not chosen there, beside those that are; clusters share activations for weights of 16 bits only.
PREFILL = {
    "q4_prefill_mma": ("prefill 2k, Q4_K_M, mma.sync, tok/s", "Q4_K_M", "mma"),
    "bf16_prefill_mma": ("prefill 2k, BF16, mma.sync, tok/s", "BF16", "mma"),
    "bf16_prefill_clusters": ("prefill 2k, BF16, wgmma with clusters, tok/s", "BF16", "clusters"),
}
PEERS = {
    "transformers_bf16_batch1": "transformers, BF16, batch 1, tok/s",
    "torch_compile_bf16_batch1": "torch.compile, BF16, batch 1, tok/s",
    "transformers_bf16_many": "transformers, BF16, 64 sequences, tok/s",
    "transformers_bf16_prefill": "transformers, BF16, prefill 2k, tok/s",
}


class Check:
    def __init__(self, args):
        self.out, self.work = os.path.abspath(args.out), os.path.abspath(args.work)
        self.logs = os.path.join(self.work, "logs")
        shutil.rmtree(self.logs, ignore_errors=True)
        os.makedirs(self.out, exist_ok=True)
        os.makedirs(self.logs)
        self.end = time.time() + args.seconds
        self.only = args.only.split(",") if args.only else None
        self.device, self.preset = args.device, args.preset
        self.results = {"parts": {}, "table": {}, "peers": {}, "facts": {}}
        self.models = {}  # type -> thread that makes the file

    # ---- running

    def left(self, limit):
        return max(0.0, min(limit, self.end - time.time()))

    def run(self, name, command, limit, env=None, stall=None):
        """Runs a command; its output goes to name.log. Returns (exit status, or None where it ran into the limit or printed
        nothing for `stall` seconds; output)."""
        end = time.time() + self.left(limit)
        path = os.path.join(self.logs, name + ".log")
        if end - time.time() < 3:
            return None, ""
        with open(path, "wb") as log:
            child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=HERE, env={**os.environ, **(env or {})}, start_new_session=True)
            code, size, changed = None, 0, time.time()
            while time.time() < end and (stall is None or time.time() - changed < stall):
                try:
                    code = child.wait(0.5)
                    break
                except subprocess.TimeoutExpired:
                    if os.path.getsize(path) != size:
                        size, changed = os.path.getsize(path), time.time()
            else:
                os.killpg(child.pid, 9)
                try:
                    child.wait(20)  # a process that waits for a hung GPU ends late or never
                except subprocess.TimeoutExpired:
                    pass
        with open(path, errors="replace") as log:
            return code, log.read()

    def part(self, name, what):
        """Runs one part; whatever happens in it, the others' results stay."""
        if self.only and name not in self.only:
            return
        begin = time.time()
        if self.left(1e9) < 5:
            result = {"state": "left out: no time"}
        else:
            try:
                result = what()
            except Exception as e:  # noqa: BLE001
                result = {"state": "failed", "why": f"{type(e).__name__}: {e}"}
        result["seconds"] = round(time.time() - begin, 1)
        self.results["parts"][name] = result
        self.write()
        print(f"{name}: {result['state']} ({result['seconds']} s)", flush=True)

    @staticmethod
    def state(code):
        return {0: "passed", None: "ran out of time"}.get(code, "failed")

    # ---- models

    def make(self, kind):
        """Begins to write a synthetic model of a type."""
        path = os.path.join(self.work, f"{self.preset}-{kind}.gguf")

        def write():
            if not os.path.exists(path):  # orchrt gives the file its name once it is whole
                with open(os.path.join(self.logs, f"synth-{kind}.log"), "wb") as log:
                    subprocess.run([f"{HERE}/orchrt", "synth", "--preset", self.preset, "--type", kind, "-o", path], stdout=log, stderr=log)

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        self.models[kind] = (thread, path)

    def model(self, kind):
        if kind not in self.models:
            self.make(kind)
        thread, path = self.models[kind]
        thread.join(self.left(120))
        if thread.is_alive() or not os.path.exists(path):
            with open(os.path.join(self.logs, f"synth-{kind}.log"), errors="replace") as log:
                raise RuntimeError(f"orchrt synth made no {path}: {log.read()[-300:]}")
        return path

    # ---- parts

    def facts(self):
        facts = self.results["facts"]
        facts["model"], facts["device"] = f"synthetic, --preset {self.preset}", f"--device {self.device}"
        for name, command in {
            "gpu": ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit", "--format=csv,noheader"],
            "nvcc": ["nvcc", "--version"],
            "sanitizer": ["compute-sanitizer", "--version"],
            "orchrt": [f"{HERE}/orchrt", "version"],
            "kernel": ["uname", "-sr"],
        }.items():
            if shutil.which(command[0]):
                try:
                    lines = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip().splitlines()
                    facts[name] = lines[-1] if lines else ""
                except (OSError, subprocess.TimeoutExpired) as e:
                    facts[name] = f"{type(e).__name__}: {e}"
        facts["cpus"] = os.cpu_count()
        return {"state": "passed"}

    def conformance(self, pattern="TestConformanceCUDA", name="conformance", limit=150, prefix=(), stall=25):
        """Runs the suite. Where it crashes or hangs, the case at which it did is noted and the others go on without it."""
        end = time.time() + limit
        verdicts, texts, code = {}, [], None
        for attempt in range(8):
            skip = ["-test.skip", "|".join("^" + re.escape(part).replace("/", "$/^") + "$" for part in verdicts)] if verdicts else []
            command = [*prefix, f"{HERE}/gpu.test", "-test.v", "-test.run", pattern, *skip]
            code, text = self.run(f"{name}{attempt or ''}", command, end - time.time(), {"ORCHRT_NEED_GPU": "1"}, stall)
            texts.append(text)
            started = re.findall(r"^=== RUN   (\S+/\S+)$", text, re.M)
            ended = dict((case, verdict) for verdict, case in re.findall(r"^\s+--- (PASS|FAIL|SKIP): (\S+/\S+)", text, re.M))
            inner = {case for case in started if any(o.startswith(case + "/") for o in started)}
            verdicts.update({case: verdict for case, verdict in ended.items() if case not in inner})
            lost = [case for case in started if case not in ended and case not in inner]
            if not lost:
                break
            # Go prints verdicts when the outermost test ends, but what a case complains of at once.
            said = dict(re.findall(r"^=== RUN   (\S+/\S+)\n((?:(?!=== RUN).*\n)*)", text, re.M))
            verdicts.update({case: "FAIL" if re.search(r"\.go:\d+: ", said.get(case, "")) else "PASS" for case in lost[:-1]})
            verdicts[lost[-1]] = "hangs" if code is None else "crashes"
        count = {v: sum(1 for x in verdicts.values() if x == v) for v in ("PASS", "FAIL", "SKIP")}
        bad = [f"{case.split('/', 1)[1]}{'' if v == 'FAIL' else ' ' + v}" for case, v in verdicts.items() if v in ("FAIL", "hangs", "crashes")]
        state = "passed" if code == 0 and not bad and count["PASS"] else "ran out of time" if code is None and not bad else "failed"
        return {"state": state, "passed": count["PASS"], "failed": len(bad), "skipped": count["SKIP"],
                "failures": bad[:60], "tail": "" if state == "passed" else failures(texts)}

    def sanitizer(self, tool, limit):
        if not shutil.which("compute-sanitizer"):
            return {"state": "left out: no compute-sanitizer"}
        r = self.conformance("TestConformanceCUDA/^(Pack|Top|Draw|Embed|MulAdd|NormGateUp|NormQKV|Attend)$/^(Q4_K|Q6_K|BF16|f16-128|q8-128)?$", tool, limit,
                             ("compute-sanitizer", "--tool", tool, "--error-exitcode", "9", "--target-processes", "all"), stall=None)
        path = os.path.join(self.logs, tool + ".log")
        if os.path.exists(path):
            with open(path, errors="replace") as f:
                r["summary"] = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: .*", f.read())
        return r

    def parity(self, kind, limit):
        code, text = self.run("parity_" + kind, [sys.executable, f"{HERE}/parity.py", "--orchrt", f"{HERE}/orchrt", "--model", self.model(kind),
                                                 "--device", self.device], limit)
        found = re.search(r"^\{\n.*^\}", text, re.M | re.S)
        return {"state": self.state(code), **(json.loads(found.group(0)) if found else {"tail": text[-1500:]})}

    def bench(self, name, kind, flags, limit, value):
        """A run of orchrt bench; value takes the table's rows from its report."""
        path = os.path.join(self.logs, name + ".json")
        code, text = self.run(name, ["sh", "-c", 'exec "$0" "$@" >' + f"'{path}'", f"{HERE}/orchrt", "bench", "--json", "--model", self.model(kind),
                                     "--device", self.device, *flags], limit)
        if code != 0:
            return {"state": self.state(code), "tail": text[-1500:]}
        with open(path) as f:
            report = json.load(f)
        rows = value(report)
        self.results["table"].update(rows)
        return {"state": "passed", "rows": rows, "load_s": report["load"]["seconds"], "gpu": report["machine"].get("gpu"),
                "decode": report.get("decode"), "profile": [{"name": p["name"], "tokens": p["tokens"], "kernels": p["kernels"][:12]} for p in report.get("profile") or []]}

    def compares(self):
        """Whether the GPU has wgmma, which the other kernels for prefill are compared with."""
        for part in self.results["parts"].values():
            if part.get("gpu"):
                return part["gpu"]["compute_capability"] == "9.0"
        return bool(self.only)

    def load(self):
        path = self.model("Q4_K_M")
        with open(path, "rb") as f:  # into the page cache
            while f.read(1 << 24):
                pass
        result = {}
        # By default the KV cache takes what the GPU has left, which takes time of its own.
        for name, flags in (("load", []), ("load_small_cache", ["--kv-tokens", "4096"])):
            begin = time.time()
            code, text = self.run(name, [f"{HERE}/orchrt", "generate", "--model", path, "--device", self.device, "-p", "Hello", "-n", "1", "--ctx", "4096", *flags], 60)
            if code != 0:
                return {"state": self.state(code), "tail": text[-1500:]}
            result[name + "_s"] = round(time.time() - begin, 2)
        self.results["table"]["load"] = {"value": result["load_s"], "unit": "s"}
        return {"state": "passed", **result}

    def peers(self, limit):
        code, text = self.run("peers", [sys.executable, f"{HERE}/peers.py"], limit)
        for line in text.splitlines():  # each holds what was known by then
            if line.startswith("{"):
                self.results["peers"] = json.loads(line)
        return {"state": self.state(code), "tail": "" if code == 0 else text[-1500:]}

    # ---- all of it

    def all(self):
        decode, prefill = rate("decode"), rate("prefill")
        self.part("facts", self.facts)
        for kind in ("Q4_K_M", "Q8_0", "BF16"):
            if not self.only:
                self.make(kind)
        self.part("conformance", self.conformance)
        self.part("q4_b1", lambda: self.bench("q4_b1", "Q4_K_M", ["-p", "0", "-n", "256", "-d", "1024"], 60, decode("q4_b1")))
        self.part("parity_q4", lambda: self.parity("Q4_K_M", 120))
        self.part("q4_prefill", lambda: self.bench("q4_prefill", "Q4_K_M", ["-p", "2048", "-n", "0"], 40, prefill("q4_prefill")))
        self.part("bf16_b1", lambda: self.bench("bf16_b1", "BF16", ["-p", "0", "-n", "128", "-d", "1024", "-r", "3"], 60, decode("bf16_b1")))
        self.part("bf16_prefill", lambda: self.bench("bf16_prefill", "BF16", ["-p", "2048", "-n", "0", "-r", "3"], 60, prefill("bf16_prefill")))
        self.part("q8_b1", lambda: self.bench("q8_b1", "Q8_0", ["-p", "0", "-n", "128", "-d", "1024", "-r", "3"], 60, decode("q8_b1")))
        self.part("load", self.load)
        many = ["-p", "1024", "-n", "128", "-r", "1", "--concurrency", "64"]
        self.part("q4_b64", lambda: self.bench("q4_b64", "Q4_K_M", many, 60, together("q4_b64")))
        self.part("q4_32k", lambda: self.bench("q4_32k", "Q4_K_M", ["-p", "0", "-n", "64", "-d", "32640", "-r", "2"], 60, decode("q4_32k")))
        self.part("q4_b64_fp8", lambda: self.bench("q4_b64_fp8", "Q4_K_M", [*many, "--kv", "fp8"], 60, together("q4_b64_fp8")))
        self.part("q4_profile", lambda: self.bench("q4_profile", "Q4_K_M", ["-p", "2048", "-n", "64", "-d", "1024", "-r", "1", "--profile"], 60, lambda report: {}))
        self.part("peers", lambda: self.peers(150))
        if self.compares():
            for name, (_, kind, kernels) in PREFILL.items():
                flags = ["-p", "2048", "-n", "0", "-r", "3", "--prefill-kernels", kernels]
                self.part(name, lambda: self.bench(name, kind, flags, 40, prefill(name)))
        self.part("large", lambda: self.conformance("TestLargeCUDA", "large", 45))
        self.part("memcheck", lambda: self.sanitizer("memcheck", 60))
        self.part("racecheck", lambda: self.sanitizer("racecheck", 60))
        self.part("parity_bf16", lambda: self.parity("BF16", 100))
        self.write()
        print(markdown(self.results)[:9000], flush=True)
        bad = [n for n, p in self.results["parts"].items() if p["state"] == "failed"]
        print(f"results in {self.out}/results.md; failed: {', '.join(bad) or 'none'}")
        return 1 if bad else 0

    def write(self):
        path = os.path.join(self.out, "results.json")
        with open(path + ".tmp", "w") as f:
            json.dump(self.results, f, indent=1)
        os.replace(path + ".tmp", path)
        with open(os.path.join(self.out, "results.md"), "w") as f:
            f.write(markdown(self.results))
        with tarfile.open(os.path.join(self.out, "logs.tar.gz"), "w:gz") as tar:
            tar.add(self.logs, "logs")


def failures(texts, size=3000):
    """What of test output says why: the lines of Go's reports, and the end."""
    lines = [line for text in texts for line in text.splitlines() if re.search(r"\.go:\d+: |panic|fatal|SIG|goroutine 1 ", line)]
    return ("\n".join(lines)[:size] + "\n…\n" + texts[-1][-800:]).strip()


def no_gpu():
    """Why there is no GPU to check, or None."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as e:
        return f"no NVIDIA driver ({e})"
    count = ctypes.c_int(0)
    status = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
    if status:
        return f"an NVIDIA driver, but it does not start (CUresult {status})"
    return None if count.value else "an NVIDIA driver, but no GPU"


def rate(test):
    """For the tokens a second of one test of bench."""
    return lambda row: lambda report: {row: {"value": report[test]["tokens_per_second"]["mean"], "sd": report[test]["tokens_per_second"]["sd"], "unit": "tok/s",
                                             "ttft_ms": 1e3 * report[test]["ttft_seconds"]["mean"] if test == "prefill" else None}}


def together(row):
    """For what many sequences generate together once all of them do."""

    def value(report):
        c = report["concurrent"][0]
        return {row: {"value": c["sequences"] / max(c["itl_seconds"]["p50"], 1e-9), "unit": "tok/s", "output_with_prefill": c["output_tokens_per_second"],
                      "ttft_p50_ms": 1e3 * c["ttft_seconds"]["p50"]}}

    return value


def number(v):
    return "" if v is None else f"{v:,.2f}" if v < 100 else f"{v:,.0f}"


def markdown(results):
    lines = ["# orchrt on a GPU", ""]
    lines += [f"- {k}: {v}" for k, v in results["facts"].items()]
    lines += ["", "| synthetic model (limits and goals: Qwen3-8B) | limit at 4.3 TB/s | best published | goal | measured | ± sd |", "|---|---|---|---:|---:|---:|"]
    for row, (name, limit, best, goal) in ROWS.items():
        r = results["table"].get(row, {})
        lines.append(f"| {name} | {limit} | {best} | {goal:,} | {number(r.get('value'))} | {number(r.get('sd'))} |")
    lines += ["", "| prefill by other kernels | measured | ± sd |", "|---|---:|---:|"]
    for row, (name, _, _) in PREFILL.items():
        r = results["table"].get(row, {})
        lines.append(f"| {name} | {number(r.get('value'))} | {number(r.get('sd'))} |")
    lines += ["", f"Beside it, on the same GPU ({results['peers'].get('versions', 'not measured')}):", "", "| peer | measured |", "|---|---:|"]
    lines += [f"| {name} | {number(results['peers'].get(key))} |" for key, name in PEERS.items()]
    lines += ["", "| part | state | seconds | |", "|---|---|---:|---|"]
    for name, p in results["parts"].items():
        facts = {k: v for k, v in p.items() if k in ("passed", "failed", "skipped", "summary", "why", "limit", "load_s", "load_small_cache_s") and v is not True and v not in ([], "")}
        for run in ("transformers_bf16", "orchrt_many_rows", "orchrt_one_row"):
            if run in p:
                facts[run] = f"error {p[run]['relative_error']:.2e}, {p[run]['greedy_tokens_that_differ']} of {p[run]['greedy_tokens']} greedy tokens differ"
        lines.append(f"| {name} | {p['state']} | {p['seconds']} | {'; '.join(f'{k} {v}' for k, v in facts.items())} |")
    for name, p in results["parts"].items():
        for phase in p.get("profile") or []:
            lines += ["", f"Kernels of {name}, {phase['name']}, {phase['tokens']} tokens:", "", "| kernel | launches | µs each | ms |", "|---|---:|---:|---:|"]
            lines += [f"| {k['name']} | {k['launches']} | {1e6 * k['seconds'] / max(k['launches'], 1):.2f} | {1e3 * k['seconds']:.2f} |" for k in phase["kernels"]]
    for name, p in results["parts"].items():
        if p.get("tail"):
            lines += ["", f"The end of {name}'s output:", "", "```", p["tail"], "```"]
    return "\n".join(lines) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", default=os.environ.get("OUT") or "gpu-results", help="folder of the results")
    p.add_argument("--work", default="/tmp/orchrt-gpu", help="folder of the models, 31 GB")
    p.add_argument("--only", default="", help="names of parts, separated by commas")
    p.add_argument("--seconds", type=float, default=570)
    p.add_argument("--device", default="cuda")
    p.add_argument("--preset", default="qwen3-8b", help="qwen3-0.6b or tiny try the script itself")
    args = p.parse_args()
    if args.device.startswith("cuda"):
        why = no_gpu()
        if why:
            sys.exit(f"check.py: this machine has {why}: there is nothing to check. --device cpu --preset tiny tries the script itself.")
    sys.exit(Check(args).all())


if __name__ == "__main__":
    main()
