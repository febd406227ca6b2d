//! What stands before several nodes, and sends each request to one that says it is ready.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use crate::support::{process::Scene, soon::until, test_server::ROOT, tls_client};

/// In turns, over HTTP/1.1 and HTTP/2.
pub(super) struct Balancer {
    nodes: Vec<Node>,
    credentials: (String, String),
    pub(super) answered: Cell<u64>,
    /// What else than a token was answered.
    pub(super) lost: RefCell<Vec<String>>,
}

struct Node {
    port: u16,
    clients: [reqwest::Client; 2],
    is_in: Cell<bool>,
    /// Nothing is sent to it, whatever it says.
    is_kept_out: Cell<bool>,
}

impl Balancer {
    pub(super) fn over<const N: usize>(scene: &Scene, ports: [u16; N], credentials: (String, String)) -> Self {
        let client = |protocol: &[u8]| {
            let mut tls = tls_client::config(&scene.authority, None);
            tls.alpn_protocols = vec![protocol.to_vec()];
            reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
        };
        let node = |port| Node {
            port,
            clients: [client(b"http/1.1"), client(b"h2")],
            is_in: Cell::new(false),
            is_kept_out: Cell::new(false),
        };
        let nodes = ports.map(node).into_iter().collect();
        Self { nodes, credentials, answered: Cell::new(0), lost: RefCell::default() }
    }

    /// Without end: asks whether the nodes are ready, and for tokens.
    pub(super) async fn work(&self) {
        tokio::join!(self.look(), self.send(0), self.send(1), self.send(2));
    }

    async fn look(&self) {
        loop {
            for node in &self.nodes {
                let url = format!("https://localhost:{}/health/ready", node.port);
                let answer = node.clients[0].get(url).timeout(Duration::from_secs(1)).send().await;
                let is_ready = answer.is_ok_and(|answer| answer.status() == 200);
                node.is_in.set(is_ready && !node.is_kept_out.get());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn send(&self, first: usize) {
        for number in first.. {
            let number = number % self.nodes.len();
            if self.nodes[number].is_in.get() {
                match self.ask(number, &self.credentials).await {
                    None => self.answered.set(self.answered.get() + 1),
                    Some(other) => self.lost.borrow_mut().push(other),
                }
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// What else than a token a node answers.
    pub(super) async fn ask(&self, number: usize, (id, secret): &(String, String)) -> Option<String> {
        let node = &self.nodes[number];
        let client = &node.clients[usize::from(self.answered.get().is_multiple_of(2))];
        let url = format!("https://localhost:{}/careconnect/oauth2/token", node.port);
        let form = [("grant_type", "client_credentials"), ("resource", ROOT)];
        match client.post(url).basic_auth(id, Some(secret)).form(&form).send().await {
            Ok(answer) if answer.status() == 200 => None,
            Ok(answer) => Some(answer.text().await.unwrap_or_else(|error| format!("{error:?}"))),
            Err(error) => Some(format!("{error:?}")),
        }
    }

    /// As an operator does before a node is stopped that does not announce it.
    pub(super) async fn keep_out(&self, number: usize, is_kept_out: bool) {
        self.nodes[number].is_kept_out.set(is_kept_out);
        until("the operator's word counts", async || self.is_in(number) != is_kept_out).await;
        self.until_more_is_answered().await; // what is in flight has been by then
    }

    pub(super) fn is_in(&self, number: usize) -> bool {
        self.nodes[number].is_in.get()
    }

    pub(super) async fn until_all_are_in(&self) {
        until("all nodes", async || self.nodes.iter().all(|node| node.is_in.get())).await;
    }

    pub(super) async fn until_more_is_answered(&self) {
        let enough = self.answered.get() + 20;
        until("more answers", async || self.answered.get() >= enough).await;
    }
}
