"""RK Explorer's engine: unlearning methods and residual knowledge, without any interface."""

__version__ = "0.1.0"
PROGRAM = f"rk-explorer {__version__}"  # what made a file, as files say
