//! A port that leads to the PostgreSQL server, and can be closed for one test alone.

use std::{path::PathBuf, pin::pin, sync::LazyLock};

use tokio::{
    net::{TcpListener, TcpStream, UnixStream},
    runtime::Runtime,
    sync::watch,
    task::JoinHandle,
};

/// Where proxies run, so that a test which blocks its own thread does not block its database.
static BESIDE: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// The way to the server.
pub(crate) struct PostgresProxy {
    pub(crate) port: u16,
    traffic: watch::Sender<Traffic>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, PartialEq)]
struct Traffic {
    is_cut: bool,
    /// Nothing goes through, in neither direction, for as long as it is held.
    is_held: bool,
    /// Connections that were made under an earlier number get no answer any more.
    epoch: u64,
}

impl PostgresProxy {
    pub(crate) async fn to(socket: PathBuf) -> Self {
        let listener = BESIDE.spawn(TcpListener::bind("127.0.0.1:0")).await.unwrap().unwrap();
        let port = listener.local_addr().unwrap().port();
        let (traffic, watching) = watch::channel(Traffic { is_cut: false, is_held: false, epoch: 0 });
        let task = BESIDE.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, socket.clone(), watching.clone()));
            }
        });
        Self { port, traffic, task }
    }

    /// Cuts every connection and each new one, or lets new ones through.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.traffic.send_modify(|traffic| traffic.is_cut = is_cut);
    }

    /// Holds every connection and each new one, as when the server's machine stands still, or lets them go on.
    pub(crate) fn hold(&self, is_held: bool) {
        self.traffic.send_modify(|traffic| traffic.is_held = is_held);
    }

    /// Leaves every connection without an answer, as when a machine is gone; new ones are let through.
    pub(crate) fn freeze(&self) {
        self.traffic.send_modify(|traffic| traffic.epoch += 1);
    }
}

async fn forward(mut client: TcpStream, socket: PathBuf, mut traffic: watch::Receiver<Traffic>) {
    let epoch = traffic.borrow().epoch;
    let is_over = |now: &Traffic| now.is_cut || now.epoch != epoch;
    let Ok(_) = traffic.wait_for(|now| !now.is_held || is_over(now)).await else { return };
    if traffic.borrow().is_cut {
        return;
    }
    let Ok(mut server) = UnixStream::connect(socket).await else { return };
    let mut flow = pin!(tokio::io::copy_bidirectional(&mut client, &mut server));
    loop {
        tokio::select! {
            _ = &mut flow => return,
            held = traffic.wait_for(|now| now.is_held || is_over(now)) => drop(held),
        }
        let end = traffic.wait_for(|now| !now.is_held || is_over(now)).await.map(|now| *now);
        match end {
            Ok(now) if now.epoch != epoch => std::future::pending().await,
            Ok(now) if !now.is_cut => {}
            _ => return,
        }
    }
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
