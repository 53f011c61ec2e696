"""Layers import downwards only; foreign libraries stay behind their fences; light modules load no torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "seedvr2_cli"
PACKAGE = "seedvr2_cli"

# package -> what it may import of ours; every package may import itself
ALLOWED: dict[str, set[str]] = {
    "base": set(),
    "media": {"base"},
    "weights": {"base"},
    "ops": {"base"},
    "plan": {"base"},
    "hub": {"base"},
    "ledger": {"base"},
    "console": {"base"},
    "color": {"base"},
    "prepare": {"base", "plan"},
    "vae": {"base", "weights", "ops", "plan", "hub"},
    "dit": {"base", "weights", "ops", "plan"},
    "compare": {"base", "media"},
    "shots": {"base", "media", "weights", "plan"},
    "pipeline": {
        *(
            "base",
            "media",
            "weights",
            "ops",
            "plan",
            "hub",
            "ledger",
            "vae",
            "dit",
            "compare",
            "shots",
            "prepare",
            "color",
        )
    },
    "bench": {"base", "media", "weights", "ops", "plan", "hub", "vae", "dit", "compare", "pipeline"},
    "cluster": {"base", "media", "ops", "ledger", "color", "vae", "plan", "pipeline"},
    "cli": {"base", "console", "pipeline", "bench", "cluster"},
}
FENCES: dict[str, set[str]] = {
    "gguf": {"weights"},
    "safetensors": {"weights"},
    "typer": {"cli"},
    "rich": {"console", "cli"},
    "huggingface_hub": {"hub"},
    "filelock": {"hub", "ledger"},
    "av": {"media"},
    "imageio_ffmpeg": {"media"},
    "subprocess": {"media", "bench", "ops.on_triton"},
    "triton": {"ops.on_triton"},
    "matplotlib": {"bench.plot", "bench.plot_simulation"},
    "ray": {"cluster"},
}
# where triton may be imported at the top of a module; elsewhere behind its fence, inside functions
KERNELS = f"{PACKAGE}.ops.on_triton.kernels"
TORCH_FREE = ["base", "media", "plan", "hub", "ledger", "compare", "console", "cli"]
TORCH_FREE_MODULES = [
    "seedvr2_cli",
    "seedvr2_cli.pipeline.compare",
    "seedvr2_cli.pipeline.input_list",
    "seedvr2_cli.pipeline.options",
    "seedvr2_cli.pipeline.report",
    "seedvr2_cli.pipeline.simulation",
    "seedvr2_cli.pipeline.status",
]

FILES = sorted(ROOT.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, those inside functions too; a.b for `from a import b` of a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield node.lineno, whole if whole in MODULES else node.module or ""


MODULES = {module_name(path) for path in FILES}


def package_of(module: str) -> str:
    """The package a module of ours belongs to; "" for the modules at the top."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (ROOT / parts[1]).is_dir() else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_layers_import_downwards_only(path):
    own = package_of(module_name(path))
    for line, module in imports(path):
        top = module.split(".")[0]
        if top == PACKAGE:
            other = package_of(module)
            if other not in (own, "") and own:
                assert other in ALLOWED[own], f"{path}:{line}: {own} imports {other}"
        elif top in FENCES:
            inside = any(f"{module_name(path)}.".startswith(f"{PACKAGE}.{place}.") for place in FENCES[top])
            assert inside, f"{path}:{line}: {top} outside {sorted(FENCES[top])}"


def test_every_package_has_a_row_in_the_table():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(ALLOWED)


def test_no_two_modules_import_each_other():
    edges = {
        module_name(path): {m for _, m in imports(path) if m in MODULES and m != PACKAGE} for path in FILES
    }
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way, module))
        if module not in done:
            for other in edges[module]:
                visit(other, (*way, module))
            done.add(module)

    for module in edges:
        visit(module, ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_prints_and_nothing_is_global(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        here = f"{path}:{getattr(node, 'lineno', 0)}"
        assert not isinstance(node, ast.Global), f"{here}: global"
        if isinstance(node, ast.Call):
            assert getattr(node.func, "id", "") != "print", f"{here}: print"
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                assert not ast.unparse(target).startswith("os.environ"), f"{here}: the environment is written"


@pytest.mark.parametrize("path", sorted((ROOT / "vae").glob("*.py")), ids=lambda path: path.name)
def test_no_forward_pass_stores_anything_on_a_module(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == "forward":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assign):
                    stored = [t for t in inner.targets if ast.unparse(t).startswith("self.")]
                    assert not stored, f"{path}:{inner.lineno}: forward keeps state"


def test_all_but_the_kernels_import_without_triton():
    """An optional extra: its absence is for `available` to tell, not for an import."""
    modules = [m for m in sorted(MODULES) if not m.startswith(KERNELS) and not m.endswith("__main__")]
    code = "import sys, importlib\nsys.modules['triton'] = None\n"
    code += f"for m in {modules!r}: importlib.import_module(m)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_light_modules_load_no_torch():
    light = [m for m in sorted(MODULES) if package_of(m) in TORCH_FREE] + TORCH_FREE_MODULES
    code = f"import sys, importlib\nfor m in {light!r}: importlib.import_module(m)\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
