"""The layouts of data sets that are recognised, and what marks each one.

The readers in `benchmark.data.readers` use these names and try the layouts in this order: marked
ones before general ones. This table is a module of its own so that listing it needs no pandas.
"""

from __future__ import annotations

LAYOUTS = {
    "protocol": "protocol.csv",
    "table": "a .csv, .tsv, .jsonl or .parquet file with columns path and label",
    "pattern": "audio files that match --pattern",
    "asvspoof-laundering": "protocols/ASVspoofLauneredDatabase_*.txt",
    "asvspoof2019-la": "ASVspoof2019_LA_cm_protocols/",
    "asvspoof2019-pa": "ASVspoof2019_PA_cm_protocols/",
    "asvspoof2021-la": "ASVspoof2021_LA_eval/flac/",
    "asvspoof2021-df": "ASVspoof2021_DF_eval/flac/",
    "asvspoof5": "ASVspoof5_protocols/",
    "in-the-wild": "meta.csv with file,speaker,label",
    "fake-or-real": "training/real, testing/real (for-norm/, ...)",
    "wavefake": "generated_audio/",
    "librisevoc": "gt/ and folders of vocoders",
    "mlaad": "fake/LANG/MODEL/meta.csv",
    "spoofceleb": "metadata/{train,development,evaluation}.csv and flac/",
    "codecfake": "label/*.txt and train/, dev/, C1/ to C7/",
    "deepfake-eval-2024": "audio-metadata-publish.csv and audio-data/",
    "replaydf": "wav/DEVICES/{benign,spoof}/",
    "echofake": "data/{train,dev,closed_set_eval,open_set_eval}-*.parquet",
    "hub": "Parquet or Arrow files of Hugging Face datasets with audio and label",
    "audiofolder": "metadata.csv or metadata.jsonl with file_name and label",
    "folders": "folders real/ and fake/, at any depth, also in train/ and test/",
}
