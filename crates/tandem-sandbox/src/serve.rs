//! A listener whose connections can be cut from inside a handler.
//!
//! An HTTP handler can only answer. To reset a connection without an answer, each accepted socket carries a
//! flag; a handler raises it, and the next write of the answer fails and closes the socket with a reset.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    RequestExt, Router,
    body::Body,
    extract::{ConnectInfo, Request, connect_info::Connected},
    response::Response,
    serve::{IncomingStream, Listener},
};
use http::Extensions;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// More than the default body limit of axum.
const OVER_THE_LIMIT: usize = 2 * 1024 * 1024 + 1;

pub(crate) async fn serve(router: Router, listener: TcpListener) -> io::Result<()> {
    axum::serve(Lines(listener), router.into_make_service_with_connect_info::<Line>()).await
}

/// Ends the request without an answer: resets the socket, or, under a foreign server, gives it a body that
/// breaks off.
pub(crate) fn cut(extensions: &Extensions) -> Response {
    match extensions.get::<ConnectInfo<Line>>() {
        Some(ConnectInfo(line)) => {
            line.0.store(true, Ordering::Release);
            Response::new(Body::empty())
        }
        None => Response::new(broken_body()),
    }
}

/// A body that announces two megabytes and fails before the first byte: axum's own body limit, which is made
/// for requests, turned round.
fn broken_body() -> Body {
    Request::new(Body::from(vec![0; OVER_THE_LIMIT])).with_limited_body().into_body()
}

/// Handle to cut a connection.
#[derive(Clone, Debug, Default)]
struct Line(Arc<AtomicBool>);

struct Lines(TcpListener);

struct Wire {
    socket: TcpStream,
    line: Line,
}

impl Listener for Lines {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (socket, address) = Listener::accept(&mut self.0).await;
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "set_nodelay");
        }
        (Wire { socket, line: Line::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Line {
        stream.io().line.clone()
    }
}

impl Wire {
    /// Fails if the line was cut; the socket then closes with a reset instead of a farewell.
    fn check(&self) -> io::Result<()> {
        if self.line.0.load(Ordering::Acquire) {
            self.socket.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
