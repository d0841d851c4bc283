//! Answers: pages, and tables as files.

use std::ops::ControlFlow;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use futures_util::StreamExt;
use kbgap_portal::{Cell, Column, Download, Listing, Table, csv, json};

use super::problem::Problem;
use super::reader::Reader;

/// How many rows of a file are written at once.
pub(super) const ROWS: usize = 500;

/// A page.
pub(super) fn page(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The page of a list that is asked for; or, where that is asked for, the list as a file.
pub(super) fn table<T>(
    reader: &Reader,
    listing: &Listing<'_, T>,
    caption: String,
    path: &str,
    rows: &[T],
) -> ControlFlow<Response, Table> {
    let Some(download) = reader.download() else {
        return ControlFlow::Continue(listing.table(caption, path, reader.asked.clone(), rows));
    };
    let columns = listing.columns();
    let selected = listing.select(rows, &reader.asked);
    let cells: Vec<Vec<Cell>> = selected.into_iter().map(|row| listing.cells(row)).collect();
    let mut body = Vec::new();
    let mut file = File::new(download, columns);
    for rows in cells.chunks(ROWS) {
        file.write(&mut body, rows);
    }
    file.end(&mut body);
    ControlFlow::Break(attachment(path, download, Body::from(body)))
}

/// Writes a table as a file, some rows at a time.
pub(super) struct File {
    download: Download,
    columns: Vec<Column>,
    begun: bool,
}

impl File {
    pub(super) fn new(download: Download, columns: Vec<Column>) -> Self {
        Self {
            download,
            columns,
            begun: false,
        }
    }

    pub(super) fn write(&mut self, body: &mut Vec<u8>, rows: &[Vec<Cell>]) {
        match self.download {
            Download::Csv => body.extend(csv(&self.columns, !self.begun, rows)),
            Download::Json => {
                for row in rows {
                    body.extend(if self.begun { b",\n" } else { b"[\n" });
                    body.extend(json(&self.columns, row).to_string().as_bytes());
                    self.begun = true;
                }
            }
        }
        self.begun = true;
    }

    pub(super) fn end(&mut self, body: &mut Vec<u8>) {
        match (self.download, self.begun) {
            (Download::Csv, true) => {}
            (Download::Csv, false) => body.extend(csv(&self.columns, true, &[])),
            (Download::Json, true) => body.extend(b"\n]\n"),
            (Download::Json, false) => body.extend(b"[]\n"),
        }
    }
}

/// A file that is written while it is sent: `write` is called beside the threads that answer others, with what sends a
/// piece; that tells whether anybody still wants more.
pub(super) fn streamed(
    path: &str,
    download: Download,
    write: impl FnOnce(&mut dyn FnMut(Vec<u8>) -> bool) + Send + 'static,
) -> Response {
    let (pieces, received) = tokio::sync::mpsc::channel::<Bytes>(4);
    tokio::task::spawn_blocking(move || {
        write(&mut |piece| piece.is_empty() || pieces.blocking_send(piece.into()).is_ok());
    });
    let stream = futures_util::stream::unfold(received, |mut received| async move {
        let piece = received.recv().await?;
        Some((Ok::<Bytes, std::io::Error>(piece), received))
    });
    // What compresses it asks once more after the end; and takes an empty piece for the end.
    attachment(path, download, Body::from_stream(stream.fuse()))
}

fn attachment(path: &str, download: Download, body: Body) -> Response {
    // Ids are in paths: only letters and digits of them come into the name.
    let name: String = path
        .trim_matches('/')
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .take(80)
        .collect();
    let name = format!("attachment; filename=\"{name}.{}\"", download.extension());
    let headers = [
        (header::CONTENT_TYPE, download.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    (headers, body).into_response()
}

/// Makes a page beside the threads that answer others.
pub(super) async fn in_background(
    work: impl FnOnce() -> Result<Response, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
