"""RK Explorer's engine: unlearning methods and residual knowledge, without any interface.

For notebooks and scripts: `engine.residual_knowledge` measures a model of yours against Re-trains,
`engine.unlearn` runs a method on it, and `engine.open` reads the studies in a store. They live in
`engine.notebook`, which is imported on their first use; importing this package imports nothing.
"""

__version__ = "0.1.0"
PROGRAM = f"rk-explorer {__version__}"  # recorded in files as their producer

_PUBLIC = {  # name -> module of engine.notebook
    "residual_knowledge": "measurement",
    "unlearn": "unlearning",
    "open": "studies",
}


def __getattr__(name: str) -> object:
    """The public functions, imported on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'engine' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(f"engine.notebook.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
