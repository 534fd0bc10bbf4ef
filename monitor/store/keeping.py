"""A call's recording beside the database, and the end of both."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete, event, exists, select
from sqlalchemy.orm import Session

from monitor.audio import file as audio_file
from monitor.errors import UserError
from monitor.store.audio import AudioFolder
from monitor.store.schema import Audio, Call, now
from monitor.store.upsert import put


def folder(session: Session) -> AudioFolder:
    """The folder of the recordings of the store that the session belongs to."""
    found = session.info["audio"]
    assert isinstance(found, AudioFolder)
    return found


def keep_audio(session: Session, call: Call, path: Path) -> None:
    """Copy the call's recording into the store.

    Raises:
        StoreError: it cannot be read, or the folder not be written.
    """
    kept = folder(session).put(path)
    try:
        info = audio_file.probe(path)
        duration_ms, channels = info.duration_ms, info.channels
    except UserError:  # damaged: still the recording of the call
        duration_ms = channels = None
    row = {
        "digest": kept.digest,
        "suffix": kept.suffix,
        "size": kept.size,
        "duration_ms": duration_ms,
        "channels": channels,
        "added_at": now(),
    }
    put(session, Audio, [row], ("digest",), keep=("suffix", "added_at"))
    # The row is ours until the transaction ends. Had the last call with this recording been
    # deleted in the meantime, the file would be gone again.
    suffix = session.scalars(select(Audio.suffix).where(Audio.digest == kept.digest)).one()
    if not folder(session).path(kept.digest, suffix).exists():
        folder(session).put(path.with_suffix(suffix) if suffix != kept.suffix else path)
    call.audio_digest = kept.digest
    session.flush()


def delete_call(session: Session, call_id: int) -> bool:
    """Delete a call with all that hangs on it, and its recording where no other call has the
    same one; False when there is no such call.

    The file goes when the transaction has been committed.
    """
    call = session.get(Call, call_id)
    if call is None:
        return False
    digest = call.audio_digest
    suffix = None
    if digest is not None:
        # Held, so that nobody adds a call with this recording until we are done.
        held = select(Audio.suffix).where(Audio.digest == digest).with_for_update()
        suffix = session.scalars(held).one()
    session.execute(delete(Call).where(Call.id == call_id))
    session.expunge(call)
    still = session.scalar(select(exists().where(Call.audio_digest == digest)))
    if digest is None or suffix is None or still:
        return True
    session.execute(delete(Audio).where(Audio.digest == digest))
    files = folder(session)
    files.set_aside(digest, suffix)
    event.listen(session, "after_commit", lambda _session: files.remove(digest, suffix), once=True)
    event.listen(
        session, "after_rollback", lambda _session: files.put_back(digest, suffix), once=True
    )
    return True
