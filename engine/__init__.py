"""RK Explorer's engine: unlearning methods and residual knowledge, without any interface."""

__version__ = "0.1.0"
PROGRAM = f"rk-explorer {__version__}"  # recorded in files as their producer
