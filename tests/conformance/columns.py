"""Files of bars between this program and pandas with pyarrow, in freqtrade's layout.

What pandas writes is read, what this program writes pandas reads, and both hold the same bars. With --keep DIR the files
that pandas writes are kept there: `tests/data/columns` has them for the tests that have no pandas.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

BINARY = os.environ["LTL_BINARY"]
ROWS = 200


def bars():
    """Bars as freqtrade holds them: an instant in milliseconds or nanoseconds, and floats."""
    date = pd.date_range("2024-10-01", periods=ROWS, freq="min", tz="UTC")
    close = pd.Series([60_000 + (at * 37 % 101) / 10 for at in range(ROWS)])
    frame = pd.DataFrame({"date": date, "open": close.shift(1, fill_value=60_000.5), "close": close})
    frame["high"] = frame[["open", "close"]].max(axis=1) + 0.1
    frame["low"] = frame[["open", "close"]].min(axis=1) - 0.1
    frame["volume"] = [(at * 7919 % 1000) / 1000 for at in range(ROWS)]
    numbers = ["open", "high", "low", "close", "volume"]
    frame[numbers] = frame[numbers].round(8)
    return frame[["date", *numbers]]


def write_all(folder, frame):
    """Every way in which such files are found: freqtrade's own two, and their variants."""
    nanos, millis = frame.assign(date=frame.date.dt.as_unit("ns")), frame.assign(date=frame.date.dt.as_unit("ms"))
    plain = folder / "plain"
    plain.mkdir()
    # freqtrade: DataFrame.to_feather(filename, compression_level=9, compression="lz4"), and to_parquet(filename).
    millis.to_feather(folder / "millis.feather", compression_level=9, compression="lz4")
    nanos.to_feather(folder / "nanos.feather", compression="lz4")
    millis.to_feather(folder / "uncompressed.feather", compression="uncompressed")
    millis.to_feather(folder / "batches.feather", compression="lz4", chunksize=64)
    millis.assign(pair="BTC/USDT").to_feather(folder / "text.feather", compression="lz4")
    millis.to_parquet(folder / "millis.parquet")
    nanos.to_parquet(folder / "nanos.parquet", compression="snappy")
    millis.to_parquet(folder / "uncompressed.parquet", compression=None)
    millis.set_index("date").to_parquet(folder / "index.parquet")
    millis.to_parquet(folder / "groups.parquet", row_group_size=64)


def run(*arguments):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def same(found, expect, where):
    found = found.assign(date=pd.to_datetime(found.date, utc=True).dt.as_unit("ns"))
    pd.testing.assert_frame_equal(found, expect.assign(date=expect.date.dt.as_unit("ns")), check_exact=True, obj=where)


def main():
    frame = bars()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_all(folder, frame)
        if len(sys.argv) == 3 and sys.argv[1] == "--keep":
            keep = Path(sys.argv[2])
            keep.mkdir(parents=True, exist_ok=True)
            for file in folder.glob("*.*"):
                (keep / file.name).write_bytes(file.read_bytes())
            frame.to_csv(keep / "bars.csv", index=False)
        checked = 0
        for source in sorted(folder.glob("*.*")):
            for ending in ("csv", "feather", "parquet"):
                ours = folder / "plain" / f"ours.{ending}"
                run("data", "convert", str(source), "--to", str(ours))
                read = {"csv": pd.read_csv, "feather": pd.read_feather, "parquet": pd.read_parquet}[ending]
                same(read(ours), frame, f"{source.name} as {ending}")
                checked += 1
        refused = folder / "zstd.feather"
        frame.to_feather(refused, compression="zstd")
        done = subprocess.run([BINARY, "data", "convert", refused, "--to", folder / "no.csv"], capture_output=True, text=True)
        assert done.returncode == 78 and "Zstandard" in done.stderr, done.stderr
        types = pd.read_feather(folder / "plain" / "ours.feather").dtypes
        assert str(types["date"]) == "datetime64[ms, UTC]", types
        print(f"columns: {checked} conversions of pandas' files are read by pandas as they were written")


if __name__ == "__main__":
    main()
