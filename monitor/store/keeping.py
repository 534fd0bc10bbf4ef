"""A call's recording beside the database, and the end of both."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete, event, exists, select
from sqlalchemy.orm import Session

from monitor.store.audio import AudioFolder, Kept
from monitor.store.schema import Audio, Call, DeletedCall, now
from monitor.store.upsert import put


def folder(session: Session) -> AudioFolder:
    """The folder of the recordings of the store that the session belongs to."""
    found = session.info["audio"]
    assert isinstance(found, AudioFolder)
    return found


def keep_audio(session: Session, call: Call, audio: Path | Kept) -> None:
    """Say that this is the call's recording.

    What `Store.put_audio` has copied already keeps other writers waiting no
    longer than any other row; a path is copied here and now.

    Raises:
        StoreError: it cannot be read, or the folder not be written.
    """
    files = folder(session)
    kept = files.put(audio) if isinstance(audio, Path) else audio
    row = {
        "digest": kept.digest,
        "suffix": kept.suffix,
        "size": kept.size,
        "duration_ms": kept.duration_ms,
        "channels": kept.channels,
        "added_at": now(),
    }
    put(session, Audio, [row], ("digest",), keep=("suffix", "added_at"))
    # The row is ours until the transaction ends. Had the last call with this recording been
    # deleted in the meantime, the file would be gone again.
    suffix = session.scalars(select(Audio.suffix).where(Audio.digest == kept.digest)).one()
    if suffix != kept.suffix:  # the same sound came under another ending before
        files.path(kept.digest, kept.suffix).unlink(missing_ok=True)
    if not files.path(kept.digest, suffix).exists():
        files.put(kept.source, suffix)
    call.audio_digest = kept.digest
    session.flush()


def delete_call(session: Session, call_id: int) -> bool:
    """Delete a call with all that hangs on it, and its recording where no other call has the
    same one; False when there is no such call.

    The file goes when the transaction has been committed.
    """
    # The call first and its recording second, as those who write them do: nobody waits in a ring.
    call = session.get(Call, call_id, with_for_update=True)
    if call is None:
        return False
    gone = {"key": call.key, "call_id": call.id, "deleted_at": now()}
    put(session, DeletedCall, [gone], ("key",))
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
