//! A TCP proxy that cuts connections, or lets them fall silent while both ends believe in them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

struct Connection {
    silent: Arc<AtomicBool>,
    tasks: [AbortHandle; 2],
}

/// In front of one server, which may come back elsewhere.
pub struct Proxy {
    pub address: SocketAddr,
    target: Arc<Mutex<String>>,
    connections: Arc<Mutex<Vec<Connection>>>,
}

impl Proxy {
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let target = Arc::new(Mutex::new(target.to_owned()));
        let connections: Arc<Mutex<Vec<Connection>>> = Arc::default();
        let (to, all) = (Arc::clone(&target), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = to.lock().clone();
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let silent = Arc::new(AtomicBool::new(false));
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                let tasks = [
                    tokio::spawn(carry(from_client, to_server, Arc::clone(&silent))).abort_handle(),
                    tokio::spawn(carry(from_server, to_client, Arc::clone(&silent))).abort_handle(),
                ];
                all.lock().push(Connection { silent, tasks });
            }
        });
        Self { address, target, connections }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn point_to(&self, target: &str) {
        target.clone_into(&mut self.target.lock());
    }

    /// Every open connection swallows what it is given, from now on; new ones work.
    pub fn fall_silent(&self) {
        self.connections.lock().iter().for_each(|connection| connection.silent.store(true, Ordering::Relaxed));
    }

    /// Every open connection is closed.
    pub fn cut(&self) {
        for connection in self.connections.lock().drain(..) {
            connection.tasks.iter().for_each(AbortHandle::abort);
        }
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: Arc<AtomicBool>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if silent.load(Ordering::Relaxed) {
            // Not even the end is told.
            return std::future::pending().await;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
