//! A port for a program that cannot choose one and say which.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1, and of ::1 where there is one, that is kept for one program.
///
/// The sockets are bound but do not listen, and let others use the address again. So the program can listen there, as
/// servers set `SO_REUSEADDR` too, while the kernel gives the port to nobody who asks for any, nor to a connection.
pub(crate) struct Port {
    number: u16,
    _kept: (TcpSocket, Option<TcpSocket>),
}

impl Port {
    pub(crate) fn keep() -> Self {
        // Those that are free in IPv4 alone: kept meanwhile, so that the kernel names others.
        let mut halves = Vec::new();
        loop {
            let four = TcpSocket::new_v4().and_then(|socket| bound(socket, (Ipv4Addr::LOCALHOST, 0).into()));
            let four = four.expect("a free port");
            let number = four.local_addr().expect("its address").port();
            match TcpSocket::new_v6().and_then(|socket| bound(socket, (Ipv6Addr::LOCALHOST, number).into())) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => halves.push(four),
                // Without IPv6 there is nothing to keep of it.
                six => return Self { number, _kept: (four, six.ok()) },
            }
        }
    }

    /// On 127.0.0.1.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}

fn bound(socket: TcpSocket, to: SocketAddr) -> io::Result<TcpSocket> {
    socket.set_reuseaddr(true)?;
    socket.bind(to)?;
    Ok(socket)
}
