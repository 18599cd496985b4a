"""Frames of an episode as files that a viewer can step through."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, Field, field_validator

from ldp_tui.core.environment import Frame
from ldp_tui.core.errors import UsageError
from ldp_tui.core.tool_calls import as_json

logger = logging.getLogger(__name__)

_R2_VARIABLES = ("CF_ACCOUNT_ID", "CF_ACCESS_KEY_ID", "CF_SECRET_ACCESS_KEY")


class Renderer(BaseModel):
    """Collects frames and writes each as a file, chained to its neighbours, with a manifest that names both ends.

    The files are `{prefix}_{id}_{i}.json`, from 0 on: the frame's `state` and `info`, `index` (from 1 on), and the
    names `prev_frame` and `next_frame` (null at the ends); and `{prefix}_info_{id}.json`: `name`, `first`, `last`.
    """

    id: UUID | int | str = Field(default_factory=lambda: uuid4().hex[:16])
    frames: list[Frame] = Field(default_factory=list)
    prefix: str
    name: str = Field(default="Trajectory", description="Name that the manifest tells.")

    @field_validator("prefix")
    @classmethod
    def _check_prefix(cls, prefix: str) -> str:
        if not prefix.isalnum():
            raise ValueError("Prefix must be an alphanumeric string")
        return prefix

    def append(self, frame: Frame) -> None:
        """Add the next frame."""
        self.frames.append(frame)

    def build(
        self,
        build_dir: str | os.PathLike[str],
        indent: int = 4,
        r2_bucket: str | None = None,
        extra_files: Sequence[str | os.PathLike[str]] | None = None,
    ) -> None:
        """Write all files into `build_dir`, which is made if need be; without frames, only warn.

        Args:
            build_dir: Where the files go.
            indent: Of the JSON, in spaces.
            r2_bucket: Also upload them to this bucket of Cloudflare R2; needs boto3 and the environment variables
                CF_ACCOUNT_ID, CF_ACCESS_KEY_ID and CF_SECRET_ACCESS_KEY.
            extra_files: Files to copy (and upload) along; missing ones are told in the log and left out.

        Raises:
            ValueError: If the credentials of the bucket are not set; nothing is written then.
            UsageError: If boto3 is not installed; nothing is written then.
        """
        if not self.frames:
            logger.warning("No frames to render.")
            return
        upload = _uploader(r2_bucket) if r2_bucket else None
        folder = Path(build_dir)
        folder.mkdir(parents=True, exist_ok=True)
        contents = self._contents()
        for name, content in contents.items():
            (folder / name).write_text(json.dumps(content, indent=indent), encoding="utf-8")
        written = [*contents, *_copied(extra_files or (), folder)]
        if upload is not None:
            for name in written:
                upload(folder / name)

    def _contents(self) -> dict[str, dict[str, Any]]:
        """JSON value of each file by its name; the manifest is last."""
        names = [f"{self.prefix}_{self.id}_{index}.json" for index in range(len(self.frames))]
        frames = {
            name: {
                **frame.model_dump(mode="json", fallback=as_json),
                "index": index + 1,
                "prev_frame": names[index - 1] if index else None,
                "next_frame": names[index + 1] if index + 1 < len(names) else None,
            }
            for index, (name, frame) in enumerate(zip(names, self.frames, strict=True))
        }
        manifest = {"name": self.name, "first": names[0], "last": names[-1]}
        return {**frames, f"{self.prefix}_info_{self.id}.json": manifest}


def _copied(files: Sequence[str | os.PathLike[str]], folder: Path) -> list[str]:
    copied = []
    for path in map(Path, files):
        try:
            shutil.copyfile(path, folder / path.name)
        except FileNotFoundError:
            logger.warning("There is no file %s to copy beside the frames.", path)
        else:
            copied.append(path.name)
    return copied


def _uploader(bucket: str) -> Callable[[Path], None]:
    """Puts a file into the bucket under its name."""
    account, key, secret = (os.environ.get(name, "") for name in _R2_VARIABLES)
    if not (account and key and secret):
        raise ValueError(f"Cloudflare R2 credentials unset: {', '.join(_R2_VARIABLES)}.")
    try:
        import boto3
    except ImportError as error:
        raise UsageError("Uploading frames needs boto3; install it with: pip install boto3") from error
    client = boto3.client(
        "s3",
        endpoint_url=os.environ.get("CF_R2_ENDPOINT_URL") or f"https://{account}.r2.cloudflarestorage.com",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="auto",
    )
    return lambda path: client.upload_file(str(path), bucket, path.name)
