//! One run: lines are produced on one thread, compressed on others, and uploaded in order.
//!
//! What is in memory is bounded by the settings, whatever the number of lines: a chunk that is produced, as many as
//! there are compressors (and two) that are compressed or wait for it, and the pieces that are uploaded.

use std::sync::Arc;

use bytes::Bytes;
use flate2::{CompressError, Compression};
use jiff::Timestamp;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::exporter::{Export, ExportError, ExportFile, Settings};
use crate::gzip::{Member, Packed, Packer};
use crate::key::ExportKey;
use crate::path::ExportPath;
use crate::store::StoreError;

/// Pieces of a file that are uploaded at a time.
const UPLOADS: usize = 2;

/// What went wrong in a producer.
pub type ProducerError = Box<dyn std::error::Error + Send + Sync>;

/// What a producer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It appended lines, and there may be more.
    More,
    /// It appended lines; what follows is of a device group, in files of its own.
    Group(i64),
    /// It appended the last lines, or there are none.
    End,
}

/// Produces the lines of an export: each call appends some, each ended by a line feed. It may block. Calls that append
/// much less than the size of a chunk cost little; one that appends much more takes that much memory.
pub trait Producer: Send + 'static {
    /// Appends the next lines.
    fn next(&mut self, lines: &mut Vec<u8>) -> Result<Step, ProducerError>;
}

impl<F, S> Producer for F
where
    F: FnMut(&mut Vec<u8>) -> Result<S, ProducerError> + Send + 'static,
    S: Into<Step>,
{
    fn next(&mut self, lines: &mut Vec<u8>) -> Result<Step, ProducerError> {
        self(lines).map(Into::into)
    }
}

/// Whether there is more.
impl From<bool> for Step {
    fn from(more: bool) -> Self {
        if more { Self::More } else { Self::End }
    }
}

/// What the producing thread hands over, in order.
enum Piece {
    /// Lines of the current part, and how many bytes they are.
    Chunk(JoinHandle<Result<Packed, CompressError>>, u64),
    /// The part is complete.
    EndPart,
    /// What follows is of a device group.
    Group(i64),
}

/// A part that is being written.
struct Part {
    path: ExportPath,
    writer: BufWriter,
    member: Member,
    size: u64,
    uncompressed: u64,
    lines: u64,
}

/// A run that is being written.
pub(crate) struct Run<'a> {
    objects: &'a Arc<dyn ObjectStore>,
    settings: &'a Settings,
    key: &'a ExportKey,
    group: Option<i64>,
    open: Option<Part>,
    export: Export,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        objects: &'a Arc<dyn ObjectStore>,
        settings: &'a Settings,
        key: &'a ExportKey,
        generated: Timestamp,
        run: Uuid,
    ) -> Self {
        Self {
            objects,
            settings,
            key,
            group: None,
            open: None,
            export: Export {
                run,
                generated,
                lines: 0,
                files: Vec::new(),
            },
        }
    }

    /// Writes all parts. If that fails, what was written is deleted.
    pub(crate) async fn write(mut self, producer: impl Producer) -> Result<Export, ExportError> {
        let (sender, receiver) = mpsc::channel(self.settings.compressors.max(1));
        let settings = self.settings.clone();
        let producing = tokio::task::spawn_blocking(move || produce(producer, &settings, &sender));
        let mut result = self.upload(receiver).await;
        // The receiver is gone: the producer stops, or has come to its end. Its own error comes first, for the upload
        // may only have noticed that lines fail to come.
        match producing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => result = Err(error),
            Err(error) => result = Err(panicked(error)),
        }
        if result.is_ok() {
            result = self.end_part().await;
        }
        match result {
            Ok(()) => Ok(self.export),
            Err(error) => {
                self.undo().await;
                Err(error)
            }
        }
    }

    async fn upload(&mut self, mut pieces: mpsc::Receiver<Piece>) -> Result<(), ExportError> {
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Chunk(packing, uncompressed) => {
                    let packed = packing.await.map_err(panicked)??;
                    self.add(packed, uncompressed).await?;
                }
                Piece::EndPart => self.end_part().await?,
                Piece::Group(group) => {
                    self.end_part().await?;
                    self.group = Some(group);
                }
            }
        }
        Ok(())
    }

    async fn add(&mut self, packed: Packed, uncompressed: u64) -> Result<(), ExportError> {
        let part = match &mut self.open {
            Some(part) => part,
            none => {
                let number = u32::try_from(self.export.files.len()).unwrap_or(u32::MAX);
                let path = ExportPath::of_part(
                    self.key,
                    self.export.generated,
                    self.group,
                    number,
                    self.export.run,
                );
                let (objects, piece) = (Arc::clone(self.objects), self.settings.upload);
                let mut writer = BufWriter::with_capacity(objects, path.location(), piece)
                    .with_max_concurrency(UPLOADS);
                let header = Bytes::from_static(Member::header());
                let size = header.len() as u64;
                writer.put(header).await.map_err(StoreError::from)?;
                none.insert(Part {
                    path,
                    writer,
                    member: Member::default(),
                    size,
                    uncompressed: 0,
                    lines: 0,
                })
            }
        };
        part.member.add(&packed);
        part.size += packed.bytes.len() as u64;
        part.uncompressed += uncompressed;
        part.lines += packed.lines;
        let put = part.writer.put(packed.bytes.into());
        Ok(put.await.map_err(StoreError::from)?)
    }

    async fn end_part(&mut self) -> Result<(), ExportError> {
        let Some(mut part) = self.open.take() else {
            return Ok(());
        };
        let footer = part.member.footer();
        let size = part.size + footer.len() as u64;
        // Noted before it is there: what failed half-way is deleted too.
        self.export.lines += part.lines;
        self.export.files.push(ExportFile {
            path: part.path,
            size,
            uncompressed: part.uncompressed,
            lines: part.lines,
        });
        let put = part.writer.put(footer.to_vec().into()).await;
        if let Err(error) = put {
            abort(&mut part.writer).await;
            return Err(StoreError::from(error).into());
        }
        // Ends the upload itself if it fails.
        part.writer
            .shutdown()
            .await
            .map_err(|error| StoreError::from(object_store::Error::from(Upload(error))).into())
    }

    /// Deletes what was written.
    async fn undo(&mut self) {
        if let Some(mut part) = self.open.take() {
            abort(&mut part.writer).await;
        }
        for file in &self.export.files {
            delete(self.objects, &file.path.location()).await;
        }
    }
}

/// An upload that could not be completed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Upload(std::io::Error);

impl From<Upload> for object_store::Error {
    fn from(error: Upload) -> Self {
        Self::Generic {
            store: "export",
            source: Box::new(error),
        }
    }
}

async fn abort(writer: &mut BufWriter) {
    if let Err(error) = writer.abort().await {
        tracing::warn!(%error, "an upload cannot be ended; the store's own rules have to");
    }
}

/// Deletes a file of a failed run; what cannot be deleted now is swept later.
async fn delete(objects: &Arc<dyn ObjectStore>, location: &Path) {
    match objects.delete(location).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => tracing::warn!(%error, %location, "a part of a failed export stays for now"),
    }
}

/// Runs on a thread that may block.
fn produce(
    mut producer: impl Producer,
    settings: &Settings,
    pieces: &mpsc::Sender<Piece>,
) -> Result<(), ExportError> {
    let packer = Arc::new(Packer::new(
        Compression::new(settings.level),
        settings.chunk,
    ));
    let mut lines = packer.chunk();
    let mut in_part = 0;
    loop {
        let step = producer.next(&mut lines).map_err(ExportError::Producer)?;
        if lines.last().is_some_and(|last| *last != b'\n') {
            return Err(ExportError::UnfinishedLine);
        }
        if !lines.is_empty() && (lines.len() >= settings.chunk || step != Step::More) {
            let size = lines.len() as u64;
            let chunk = std::mem::replace(&mut lines, packer.chunk());
            let packer = Arc::clone(&packer);
            let packing = tokio::task::spawn_blocking(move || packer.pack(chunk));
            if pieces.blocking_send(Piece::Chunk(packing, size)).is_err() {
                // The upload failed, and says why.
                return Ok(());
            }
            in_part += size;
        }
        let next = match step {
            Step::End => return Ok(()),
            Step::Group(group) => Piece::Group(group),
            Step::More if in_part >= settings.part => Piece::EndPart,
            Step::More => continue,
        };
        in_part = 0;
        if pieces.blocking_send(next).is_err() {
            return Ok(());
        }
    }
}

/// What a thread that ended early says.
fn panicked(error: tokio::task::JoinError) -> ExportError {
    let Ok(panic) = error.try_into_panic() else {
        return ExportError::Stopped;
    };
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned());
    ExportError::Panicked(text.unwrap_or_default())
}
