"""Process-wide settings of torch, numpy and Python that user code may change.

Each is a `ProcessSetting` with functions to read and write it; `engine.user_code.global_state`
saves and restores them.
"""

from __future__ import annotations

import contextlib
import gc
import locale
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.backends import opt_einsum
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers
from torch.overrides import _get_current_function_mode_stack
from torch.utils import _python_dispatch as dispatch

from engine.errors import SpecError

_TINY = np.float32(1e-40)  # 0 where denormal numbers are flushed
_HOOKS = [
    (name, hooks)
    for home, start in ((modules, "_global_"), (optimizers, "_global_optimizer_"))
    for name, hooks in vars(home).items()
    if name.startswith(start) and isinstance(hooks, dict)
]
_PRECISIONS = [
    *(("cuda", one) for one in ("matmul", "conv", "rnn", "all")),
    *(("mkldnn", one) for one in ("matmul", "conv", "rnn", "all")),
    ("generic", "all"),
]
_KERNELS = ("flash", "mem_efficient", "math", "cudnn")


@dataclass(frozen=True)
class ProcessSetting:
    """One setting: the name under which users know it, and functions to read and write it.

    shared: whether all threads of the process share it.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    shared: bool = True


# -- torch ----------------------------------------------------------------------------------------


def _attribute(home: Any, attribute: str, name: str) -> ProcessSetting:
    return ProcessSetting(
        name, lambda: getattr(home, attribute), lambda value: setattr(home, attribute, value)
    )


def _precision(backend: str, operation: str) -> ProcessSetting:
    """Precision of float32 in one kind of operation (torch 2.9 and later)."""
    read, write = (getattr(torch._C, f"_{how}_fp32_precision_{how}ter") for how in ("get", "set"))
    name = f"torch.backends.{backend}.{operation}.fp32_precision"
    return ProcessSetting(
        name, lambda: read(backend, operation), lambda value: write(backend, operation, value)
    )


def _kernel(name: str) -> ProcessSetting:
    read = getattr(torch.backends.cuda, f"{name}_sdp_enabled")
    write = getattr(torch.backends.cuda, f"enable_{name}_sdp")
    return ProcessSetting(f"torch.backends.cuda.enable_{name}_sdp", read, write)


def _autocast(device: str) -> ProcessSetting:
    def read() -> tuple[bool, torch.dtype]:
        return torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)

    def write(value: tuple[bool, torch.dtype]) -> None:
        torch.set_autocast_enabled(device, value[0])
        torch.set_autocast_dtype(device, value[1])

    return ProcessSetting("torch.autocast", read, write, shared=False)


def _nesting() -> int:
    """Depth of nested autocast contexts in this thread; casts of weights are cached until 0."""
    torch.autocast_increment_nesting()
    return int(torch.autocast_decrement_nesting())


def _nest(depth: int) -> None:
    while _nesting() > depth:
        torch.autocast_decrement_nesting()
    while _nesting() < depth:
        torch.autocast_increment_nesting()
    if not depth:
        torch.clear_autocast_cache()


def _default_device() -> torch.device | None:
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return None if context is None else context.device


def _deterministic() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _anomalies() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def _is_flushed() -> bool:
    return not _TINY * np.float32(1)


def _set_function_modes(stack: Sequence[Any]) -> None:
    """Make these the active function modes."""
    while _get_current_function_mode_stack():
        torch._C._pop_torch_function_stack()
    for mode in stack:
        torch._C._push_on_torch_function_stack(mode)


def _set_dispatch_modes(stack: Sequence[Any]) -> None:
    while dispatch._get_current_dispatch_mode_stack():
        dispatch._pop_mode()
    for mode in stack:
        dispatch._push_mode(mode)


def _hooks() -> list[Any]:
    return [list(hooks.items()) for _, hooks in _HOOKS]


def _set_hooks(value: Sequence[Any]) -> None:
    for (_, hooks), items in zip(_HOOKS, value, strict=True):
        hooks.clear()
        hooks.update(items)


TORCH = (
    ProcessSetting(
        "torch.set_default_device", _default_device, torch.set_default_device, shared=False
    ),
    ProcessSetting(
        "a TorchFunctionMode", _get_current_function_mode_stack, _set_function_modes, shared=False
    ),
    ProcessSetting(
        "a TorchDispatchMode",
        dispatch._get_current_dispatch_mode_stack,
        _set_dispatch_modes,
        shared=False,
    ),
    ProcessSetting("torch.set_default_dtype", torch.get_default_dtype, torch.set_default_dtype),
    ProcessSetting(
        "torch.set_grad_enabled", torch.is_grad_enabled, torch.set_grad_enabled, shared=False
    ),
    ProcessSetting(
        "torch.set_num_threads", torch.get_num_threads, torch.set_num_threads, shared=False
    ),
    ProcessSetting("torch.set_flush_denormal", _is_flushed, torch.set_flush_denormal, shared=False),
    ProcessSetting(
        "torch.use_deterministic_algorithms",
        _deterministic,
        lambda value: torch._C._set_deterministic_algorithms(value[0], warn_only=value[1]),
    ),
    ProcessSetting(
        "torch.autograd.set_detect_anomaly",
        _anomalies,
        lambda value: torch.autograd.set_detect_anomaly(*value),
    ),
    ProcessSetting(
        "torch.set_float32_matmul_precision",
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    ProcessSetting(
        "torch.backends.cudnn.allow_tf32",
        torch._C._get_cudnn_allow_tf32,
        torch._C._set_cudnn_allow_tf32,
    ),
    *(_precision(*one) for one in _PRECISIONS if hasattr(torch._C, "_get_fp32_precision_getter")),
    ProcessSetting(
        "torch.backends.cudnn.enabled", torch._C._get_cudnn_enabled, torch._C._set_cudnn_enabled
    ),
    ProcessSetting(
        "torch.backends.cudnn.benchmark",
        torch._C._get_cudnn_benchmark,
        torch._C._set_cudnn_benchmark,
    ),
    ProcessSetting(
        "torch.backends.cudnn.deterministic",
        torch._C._get_cudnn_deterministic,
        torch._C._set_cudnn_deterministic,
    ),
    ProcessSetting(
        "torch.backends.mkldnn.enabled", torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled
    ),
    *(  # torch 2.5 and later
        _attribute(torch.backends.mkldnn, name, f"torch.backends.mkldnn.{name}")
        for name in ("deterministic",)
        if hasattr(torch.backends.mkldnn, name)
    ),
    _attribute(opt_einsum, "enabled", "torch.backends.opt_einsum.enabled"),
    _attribute(opt_einsum, "strategy", "torch.backends.opt_einsum.strategy"),
    ProcessSetting("a hook of every module or optimizer", _hooks, _set_hooks),
    *(_autocast(device) for device in ("cpu", "cuda")),
    ProcessSetting("torch.autocast", _nesting, _nest, shared=False),
    ProcessSetting(
        "torch.set_autocast_cache_enabled",
        torch.is_autocast_cache_enabled,
        torch.set_autocast_cache_enabled,
        shared=False,
    ),
    *(
        _attribute(torch.backends.cuda.matmul, one, f"torch.backends.cuda.matmul.{one}")
        for one in (
            "allow_fp16_reduced_precision_reduction",
            "allow_bf16_reduced_precision_reduction",
        )
    ),
    *map(_kernel, _KERNELS),
)

# -- numpy, Python and the process ----------------------------------------------------------------


def _environment() -> dict[str, str]:
    return dict(os.environ)


def _set_environment(value: dict[str, str]) -> None:
    for name in os.environ.keys() - value.keys():
        del os.environ[name]
    os.environ.update(value)


def _folder() -> str:
    """The current folder; '' if it was deleted."""
    with contextlib.suppress(OSError):
        return os.getcwd()
    return ""


def _change_folder(folder: str) -> None:
    if folder:
        os.chdir(folder)


PROCESS = (
    ProcessSetting("os.chdir", _folder, _change_folder),
    ProcessSetting("os.environ", _environment, _set_environment),
    ProcessSetting("numpy.seterr", np.geterr, lambda value: np.seterr(**value), shared=False),
    ProcessSetting("numpy.seterrcall", np.geterrcall, np.seterrcall, shared=False),
    ProcessSetting("sys.setrecursionlimit", sys.getrecursionlimit, sys.setrecursionlimit),
    ProcessSetting(
        "locale.setlocale",
        lambda: locale.setlocale(locale.LC_ALL),
        lambda value: locale.setlocale(locale.LC_ALL, value),
    ),
)


def _signals() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _set_signals(value: dict[int, Any]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set handlers
    for number, handler in value.items():
        if signal.getsignal(number) is not handler and handler is not None:
            signal.signal(number, handler)


def _list(name: str, home: Any, attribute: str) -> ProcessSetting:
    """A shared list, whose content is restored in place."""

    def write(value: list[Any]) -> None:
        getattr(home, attribute)[:] = value

    return ProcessSetting(name, lambda: list(getattr(home, attribute)), write)


def _set_filters(value: list[Any]) -> None:
    warnings.filters[:] = value  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _loggers() -> tuple[Any, ...]:
    root = logging.getLogger()
    return list(root.handlers), root.level, logging.root.manager.disable


def _set_loggers(value: tuple[Any, ...]) -> None:
    root = logging.getLogger()
    root.handlers[:] = value[0]
    root.setLevel(value[1])
    logging.disable(value[2])


def _plots() -> dict[str, Any] | None:
    matplotlib = sys.modules.get("matplotlib")
    return None if matplotlib is None else dict.copy(matplotlib.rcParams)


def _set_plots(value: dict[str, Any] | None) -> None:
    matplotlib = sys.modules["matplotlib"]
    dict.update(matplotlib.rcParams, matplotlib.rcParamsDefault if value is None else value)


def _packages() -> dict[str, Any]:
    return dict(sys.modules)


def _set_packages(value: dict[str, Any]) -> None:
    """Restore replaced or removed modules; newly imported ones stay."""
    for name, package in value.items():
        if sys.modules.get(name) is not package:
            sys.modules[name] = package


def _trusted() -> list[Any]:
    return list(torch.serialization.get_safe_globals())


def _set_trusted(value: list[Any]) -> None:
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(value)


def _raise_irreversible(_: int) -> None:
    raise SpecError(
        "The network's file calls torch.set_num_interop_threads, which cannot be undone in "
        "this process. Remove that call."
    )


WHILE_IMPORTED = (
    ProcessSetting("signal.signal", _signals, _set_signals),
    ProcessSetting("warnings.filterwarnings", lambda: list(warnings.filters), _set_filters),
    ProcessSetting("logging", _loggers, _set_loggers),
    ProcessSetting("matplotlib.rcParams", _plots, _set_plots),
    ProcessSetting("torch.serialization.add_safe_globals", _trusted, _set_trusted),
    ProcessSetting("sys.modules", _packages, _set_packages),
    _list("sys.meta_path", sys, "meta_path"),
    _list("sys.path_hooks", sys, "path_hooks"),
    *(
        _attribute(sys, one, f"sys.{one}")
        for one in ("stdout", "stderr", "stdin", "excepthook", "dont_write_bytecode")
    ),
    ProcessSetting("sys.settrace", sys.gettrace, sys.settrace, shared=False),
    ProcessSetting("sys.setprofile", sys.getprofile, sys.setprofile, shared=False),
    ProcessSetting("sys.setswitchinterval", sys.getswitchinterval, sys.setswitchinterval),
    ProcessSetting(
        "gc.disable", gc.isenabled, lambda value: gc.enable() if value else gc.disable()
    ),
    ProcessSetting("gc.set_threshold", gc.get_threshold, lambda value: gc.set_threshold(*value)),
    ProcessSetting(
        "torch.set_num_interop_threads", torch.get_num_interop_threads, _raise_irreversible
    ),
)

FORWARD_SETTINGS = (*TORCH, *PROCESS)
IMPORT_SETTINGS = (*FORWARD_SETTINGS, *WHILE_IMPORTED)  # all but the module search path
BUILD_SETTINGS = (_list("sys.path", sys, "path"), *IMPORT_SETTINGS)
SHARED_SETTINGS = tuple(one for one in TORCH if one.shared and "sdp" not in one.name)
