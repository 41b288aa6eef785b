//! The first bytes of a connection. The connection builder would wait without a limit until it can tell the version of HTTP,
//! so a client that says nothing, or only a part of [`PREFACE`], would hold its place for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// The first bytes of an HTTP/2 connection with prior knowledge.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads until the version of HTTP is known; nothing when the client hangs up before.
pub(super) async fn opening<T: AsyncRead + Unpin, G>(mut inner: T, guard: G) -> Option<Opened<T, G>> {
    let mut first = Vec::with_capacity(PREFACE.len());
    while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
        let room = PREFACE.len().saturating_sub(first.len());
        if (&mut inner).take(u64::try_from(room).ok()?).read_buf(&mut first).await.ok()? == 0 {
            return None;
        }
    }
    let is_http2 = first == PREFACE;
    Some(Opened { first, inner, is_http2, _guard: guard })
}

/// A connection whose first bytes were taken; they are read again from here. An upgrade takes the connection out of the hands
/// of HTTP, so what lasts as long as the connection is kept here.
#[derive(Debug)]
pub(super) struct Opened<T, G> {
    /// What is still to be read again.
    first: Vec<u8>,
    inner: T,
    pub(super) is_http2: bool,
    _guard: G,
}

impl<T: AsyncRead + Unpin, G: Unpin> AsyncRead for Opened<T, G> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        }
        let again = buffer.remaining().min(self.first.len());
        let rest = self.first.split_off(again);
        buffer.put_slice(&self.first);
        self.first = rest;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Opened<T, G> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_that_was_looked_at_is_lost() {
        for (sent, http2) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], false),
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n and what follows"[..], true),
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nx"[..], true),
            (&b"PRI * HTTP/1.1\r\n\r\n"[..], false),
        ] {
            let mut opened = opening(sent, ()).await.expect("a version");
            let mut read = Vec::new();
            opened.read_to_end(&mut read).await.unwrap();
            assert_eq!((read.as_slice(), opened.is_http2), (sent, http2));
        }
        for sent in [&b""[..], b"P", b"PRI * HTTP"] {
            assert!(opening(sent, ()).await.is_none(), "the client hung up");
        }
    }
}
