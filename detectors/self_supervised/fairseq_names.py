"""Names of a speech encoder's arrays in fairseq's files, for those of `transformers`.

fairseq's wav2vec 2.0 and HuBERT (Ott et al. 2019; Baevski et al. 2020; Hsu et al. 2021) and the
models of `transformers` hold the same arrays under other names. Published systems were trained on
fairseq's encoder, so their files have its names.
"""

from __future__ import annotations

import re

_RULES = (  # a pattern of the names in transformers, and what fairseq calls it
    (r"masked_spec_embed", "mask_emb"),
    (r"feature_projection\.layer_norm\.", "layer_norm."),
    (r"feature_projection\.projection\.", "post_extract_proj."),
    (r"feature_extractor\.conv_layers\.(\d+)\.conv\.", r"feature_extractor.conv_layers.\1.0."),
    (r"encoder\.pos_conv_embed\.conv\.bias", "encoder.pos_conv.0.bias"),
    (r"encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original0",
     "encoder.pos_conv.0.weight_g"),
    (r"encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original1",
     "encoder.pos_conv.0.weight_v"),
    (r"(encoder\.layers\.\d+)\.attention\.", r"\1.self_attn."),
    (r"(encoder\.layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
    (r"(encoder\.layers\.\d+)\.feed_forward\.intermediate_dense\.", r"\1.fc1."),
    (r"(encoder\.layers\.\d+)\.feed_forward\.output_dense\.", r"\1.fc2."),
    (r"(encoder\.layers\.\d+\.final_layer_norm|encoder\.layer_norm)\.", r"\1."),
)  # fmt: skip
_NORM = re.compile(r"feature_extractor\.conv_layers\.(\d+)\.layer_norm\.")
_NEWER = {  # the weight norm of newer versions of torch, which newer files have
    "encoder.pos_conv.0.parametrizations.weight.original0": "encoder.pos_conv.0.weight_g",
    "encoder.pos_conv.0.parametrizations.weight.original1": "encoder.pos_conv.0.weight_v",
}
_PRETRAINING = re.compile(  # parts of the training objective, which no detector computes
    r"(quantizer\.(vars|weight_proj\.(weight|bias))|(project_q|final_proj)\.(weight|bias)"
    r"|label_embs_concat)"
)


def fairseq_name(name: str, *, group_norm: bool = False) -> str:
    """Return fairseq's name of the encoder's array that `transformers` calls `name`.

    group_norm : only the first convolution is normalised, over time, as in wav2vec 2.0 Base;
                 otherwise each is normalised over its channels

    Raises `KeyError` for a name that such an encoder does not have.

    >>> fairseq_name("encoder.layers.3.attention.q_proj.weight")
    'encoder.layers.3.self_attn.q_proj.weight'
    """
    if _NORM.match(name):
        inside = "2" if group_norm else "2.1"  # between two transpositions, if over channels
        return _NORM.sub(rf"feature_extractor.conv_layers.\1.{inside}.", name)
    for pattern, fairseq in _RULES:
        if re.match(pattern, name):
            return re.sub(rf"^{pattern}", fairseq, name)
    raise KeyError(name)


def older_name(name: str) -> str:
    """Return the name that fairseq's own version of torch gives an array of its encoder."""
    return _NEWER.get(name, name)


def only_pretraining(name: str) -> bool:
    """Return whether fairseq's array `name` serves the pre-training alone, and no score."""
    return _PRETRAINING.fullmatch(name) is not None
