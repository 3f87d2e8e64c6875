"""Files of Hugging Face models: in a local folder, or in the hub's cache.

Only `fetch` uses the network. Weights are safetensors, or state dicts from which only arrays are
read. Code that comes with a model is never run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core import json_text
from benchmark.core.errors import InputError, one_line

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

CONFIG, EXTRACTOR = "config.json", "preprocessor_config.json"
SAFE, PLAIN = "model.safetensors", "pytorch_model.bin"


def lacking() -> str | None:
    """Return a message if the library for hub models is not installed, else None."""
    if find_spec("transformers") is None:
        return "transformers is not installed: pip install launderbench[hub]"
    return None


def folder(model: str, revision: str = "") -> Path:
    """Return the folder of the files of `model`: itself, or its folder in the hub's cache.

    Raises `InputError`, which says how to get the model, if neither exists.
    """
    if Path(model).is_dir():
        return Path(model)
    if cause := lacking():
        raise InputError(cause)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(
            model, revision=revision or None, allow_patterns=[CONFIG], local_files_only=True
        )
    except HFValidationError as error:
        raise InputError(
            f"{model!r} is neither a folder nor a valid model name (owner/name)"
        ) from error
    except (LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"model {model!r} is neither a folder nor in the hub's cache: fetch it with"
            " launderbench weights fetch and the detector's spelling in quotes, or give a folder"
        ) from error
    return Path(found)


def fetch(model: str, revision: str = "") -> None:
    """Download the configuration and weights of `model` into the hub's cache, showing progress.

    Does nothing if `model` is a folder or is complete in the cache. Raises `InputError` if the
    download fails.
    """
    if Path(model).is_dir():
        return
    with contextlib.suppress(InputError):
        files(folder(model, revision))
        return
    if cause := lacking():
        raise InputError(cause)
    from huggingface_hub import HfApi, snapshot_download

    try:
        names = HfApi().list_repo_files(model, revision=revision or None)
        safe = any(name.endswith(".safetensors") for name in names)
        weights = ["model*.safetensors*"] if safe else ["pytorch_model*.bin*"]
        snapshot_download(
            model, revision=revision or None, allow_patterns=[CONFIG, EXTRACTOR, *weights]
        )
    except Exception as error:  # network, hub and disk errors have no common class
        cause = (str(error).strip().splitlines() or [repr(error)])[0][:200]
        raise InputError(
            f"cannot download the model {model!r} ({cause}): check the name and the"
            " network, or copy its files to a folder and give the folder instead of the name"
        ) from error
    files(folder(model, revision))


def files(where: Path) -> tuple[Path, ...]:
    """Return the files that determine a model's scores; `InputError` names a missing file."""
    missing = [name for name in (CONFIG, EXTRACTOR) if not (where / name).is_file()]
    if missing:
        raise InputError(f"{where} lacks {' and '.join(missing)}: it is not a complete hub model")
    for name in (SAFE, PLAIN):
        if (where / name).is_file():
            return where / CONFIG, where / EXTRACTOR, where / name
        if (index := where / f"{name}.index.json").is_file():
            shards = [where / shard for shard in _shards(index)]
            if absent := [shard.name for shard in shards if not shard.is_file()]:
                raise InputError(f"{where} lacks {absent[0]}, a part of its weights")
            return where / CONFIG, where / EXTRACTOR, index, *shards
    raise InputError(f"{where} has no weights: neither {SAFE} nor {PLAIN}")


def config(where: Path) -> PretrainedConfig:
    """Return the model's configuration; `InputError` if it is damaged or of an unknown type."""
    from transformers import AutoConfig

    with _quiet_loading(where):
        return AutoConfig.from_pretrained(where, local_files_only=True, trust_remote_code=False)


def extractor(where: Path) -> Any:
    """Return the model's feature extractor; `InputError` if it is missing or damaged."""
    from transformers import AutoFeatureExtractor

    with _quiet_loading(where):
        return AutoFeatureExtractor.from_pretrained(
            where, local_files_only=True, trust_remote_code=False
        )


def load(auto: Any, where: Path, config: PretrainedConfig) -> PreTrainedModel:
    """Load a model of class `auto` with all its weights, in float32 and evaluation mode.

    Raises `InputError` if the weights are damaged, contain code, or are missing for a part of the
    model, which would then be random.
    """
    import torch

    files(where)
    with _quiet_loading(where):
        model, report = auto.from_pretrained(
            where,
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            output_loading_info=True,
            dtype=torch.float32,
        )
    absent = sorted(report["missing_keys"]) + sorted(map(str, report["mismatched_keys"]))
    if absent:
        raise InputError(
            f"{where} has no weights for {absent[0]}"
            + (f" and {len(absent) - 1} more" if len(absent) > 1 else "")
            + f", which {type(model).__name__} needs"
        )
    return model.eval()


def _shards(index: Path) -> list[str]:
    try:
        names = set(json_text.parse(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index} is damaged") from error
    return sorted(names)


@contextlib.contextmanager
def _quiet_loading(where: Path) -> Iterator[None]:
    """Silence transformers, and turn its errors into a one-line `InputError`."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # transformers raises errors of many classes
        if "Weights only load failed" in str(error):
            cause = "its weights contain more than arrays: refused and not executed"
        else:
            cause = one_line(error)[:200] or repr(error)
        raise InputError(f"the model in {where} cannot be loaded: {cause}") from error
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()
