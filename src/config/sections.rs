//! Every section and key: documentation, type, default.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use super::{
    addresses::ListenOrOff,
    admin::Administrator,
    client_authorities::{ClientAuthorities, ClientAuthority},
    database_url::DatabaseUrl,
    directory::{BaseName, DirectoryUrl, OnDrift},
    issuer::Issuer,
    keys::{KeyStoreName, TokenLabel},
    log::{LogFilter, LogFormat},
    proxies::Proxy,
    quantities::{Count, Milliseconds, Seconds},
    setting::section,
    tables::Tables,
};

section! {
    /// Everything that an operator can set.
    Config at "" {
        /// The `iss` of every token, and the URL below which consumers and providers find the endpoints. `serve` needs
        /// it; it cannot change without a change at every provider.
        issuer: Option<Issuer> = None;
        /// Where the public listener listens.
        listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8443);
        /// The proxies in front that pass client certificates on: see `docs/proxies.md`. From anybody else a header
        /// with a certificate is ignored.
        proxies: Tables<Proxy> = Tables::none();
        sections { tls: Tls, admin: Admin, database: Database, registry: Registry, keys: Keys, assertions: Assertions, record: Record, directory: Directory, limits: Limits, metrics: Metrics, log: Log, }
    }
}

section! {
    /// The certificate of the public listener, and the authorities of client certificates.
    Tls at "tls." {
        /// PEM: the server's certificate, then its intermediates. `serve` needs it.
        certificate_file: Option<PathBuf> = None;
        /// PEM: the private key of that certificate. `serve` needs it.
        key_file: Option<PathBuf> = None;
        /// PEM: the authorities whose client certificates are accepted. Without any, consumers authenticate with
        /// secrets and self-signed certificates only.
        client_ca_files: Vec<PathBuf> = Vec::new();
        /// Authorities with a name, an environment or revocation lists: tables of their own, described below. Beside them,
        /// `tls.client_ca_files` is one more, named `default`.
        client_authorities: ClientAuthorities = ClientAuthorities::default();
        /// How often these files are looked at for changes.
        reload_every_seconds: Seconds<1, 86_400> = Seconds::of(60);
    }
}

section! {
    /// The admin API, on a listener of its own: it is there when an authority of administrators is, and whoever calls it
    /// needs a certificate of that authority.
    Admin at "admin." {
        /// Where it listens. Other machines may be let in, for a certificate is needed; better let only those in that
        /// administer.
        listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9443);
        /// PEM: its certificate, then its intermediates; that of `[tls]` unless set.
        certificate_file: Option<PathBuf> = None;
        /// PEM: the private key of that certificate.
        key_file: Option<PathBuf> = None;
        /// PEM: the authorities whose certificates administrators have; none of them may be one of consumers.
        client_ca_files: Vec<PathBuf> = Vec::new();
        /// Authorities with revocation lists, as in `tls.client_authorities`. Beside them, `admin.client_ca_files` is one
        /// more, named `admin`. Environments mean nothing here.
        client_authorities: ClientAuthorities = ClientAuthorities::default();
        /// Who administers, and in which roles: `viewer` reads, `editor` changes, `approver` confirms or rejects what
        /// somebody else proposed. A certificate of the authority alone opens nothing.
        administrators: Tables<Administrator> = Tables::none();
        /// An assurance that grants more (assurances, confirmations) needs an approver other than who proposed it.
        four_eyes: bool = false;
    }
}

section! {
    /// Where registrations are kept.
    Database at "database." {
        /// `sqlite:FILE` or `postgres://USER@HOST/DATABASE`. A URL with a password belongs into `database.url_file`.
        url: DatabaseUrl = DatabaseUrl::default();
        /// File whose one line is the URL; instead of `database.url`.
        url_file: Option<PathBuf> = None;
        /// Connections that one node keeps at most, besides three for what tokens wait for.
        max_connections: Count<1, 1_000> = Count::of(10);
        /// How long an operation waits for a free connection.
        acquire_timeout_seconds: Seconds<1, 60> = Seconds::of(5);
    }
}

section! {
    /// The registrations that token requests read, in memory.
    Registry at "registry." {
        /// How often the database is asked for changes.
        poll_every_milliseconds: Milliseconds<10, 1_000> = Milliseconds::of(250);
        /// How long tokens are issued from memory while the database cannot be reached.
        max_staleness_seconds: Seconds<1, 604_800> = Seconds::of(3_600);
    }
}

section! {
    /// Signing keys.
    Keys at "keys." {
        /// Where new private keys are kept: `files`, sealed, in `keys.directory`; `database`, sealed, for all nodes that have the
        /// sealing key; `pkcs11`, in a token of hardware, for ES256 and RS256.
        store: KeyStoreName = KeyStoreName::Files;
        /// Where sealed key files are. They are made there on the first start.
        directory: PathBuf = PathBuf::from("keys");
        /// File with the key that seals them: 32 bytes in base64, for its owner only. It is made on the first start; keep it and its
        /// copy away from what it seals. A credential of systemd will do: `%d/NAME`, set by the environment.
        sealing_key_file: PathBuf = PathBuf::from("sealing-key");
        /// Files with sealing keys that were in use before, until `keys reseal` has been run.
        former_sealing_key_files: Vec<PathBuf> = Vec::new();
        /// The shared library of the token's maker (PKCS#11).
        pkcs11_module: Option<PathBuf> = None;
        /// The label of the token.
        pkcs11_token_label: Option<TokenLabel> = None;
        /// File with the PIN of the token's user, for its owner only.
        pkcs11_pin_file: Option<PathBuf> = None;
        /// How long a key signs before the next one does, in days; `0`: until `keys rotate`.
        rotate_every_days: Count<0, 3_650> = Count::of(90);
        /// How long before its turn the next key is published; at least `keys.jwks_max_age_seconds` and ten seconds.
        publish_ahead_seconds: Seconds<20, 2_592_000> = Seconds::of(86_400);
        /// How long others may cache the published keys. No key signs that has not been published for so long.
        jwks_max_age_seconds: Seconds<10, 86_400> = Seconds::of(300);
    }
}

section! {
    /// The assertions with which consumers prove themselves, and the key sets that they publish (`jwks_uri`).
    Assertions at "assertions." {
        /// How often key sets are fetched again. A key that is not known yet is looked for sooner, every 30 seconds at most.
        jwks_refresh_seconds: Seconds<10, 86_400> = Seconds::of(600);
        /// How long the keys of a set count while it cannot be fetched; at least twice the time between two fetches.
        jwks_max_staleness_seconds: Seconds<60, 2_592_000> = Seconds::of(86_400);
        /// PEM: authorities that vouch for the hosts of key sets, besides those of the system.
        jwks_ca_files: Vec<PathBuf> = Vec::new();
        /// Fetches key sets from this machine and from private networks, too; otherwise whoever registers one could have
        /// requests sent inside.
        allow_private_jwks_addresses: bool = false;
    }
}

section! {
    /// The issuance record: a line for every token request, issued or refused. Without it no token is issued.
    Record at "record." {
        /// Where its files are, one for each UTC day and process. It is made on the first start, and must be on a local file
        /// system; processes of one machine may share it, each with a stream of its own.
        directory: PathBuf = PathBuf::from("records");
        /// After how many days a file is deleted; `0`: never.
        keep_days: Count<0, 36_500> = Count::of(90);
        /// How often what was written since is signed, so that a later change can be proven; always at the end of a day and of
        /// the server.
        checkpoint_every_seconds: Seconds<1, 86_400> = Seconds::of(300);
        /// How long a day's file may become, in MiB, for refusals to be in it; tokens always are. Strangers, who can be
        /// refused as often as they like, must not fill the disk.
        refusals_up_to_megabytes: Count<1, 1_000_000> = Count::of(256);
    }
}

section! {
    /// The Spine Directory Service, or another LDAP directory of its shape: who owns an ASID, and what it may do. No token
    /// request waits for it.
    Directory at "directory." {
        /// Where it is. Without it there is none.
        url: Option<DirectoryUrl> = None;
        /// Accepts ldap:// in `directory.url` to another machine. **Dangerous**: whoever is on the way can change what the
        /// directory says.
        allow_plain_ldap_beyond_loopback: bool = false;
        /// PEM: the authorities that vouch for the directory, and no others; without any, those of the system.
        ca_files: Vec<PathBuf> = Vec::new();
        /// PEM: the certificate that is presented to the directory, then its intermediates.
        certificate_file: Option<PathBuf> = None;
        /// PEM: the private key of that certificate.
        key_file: Option<PathBuf> = None;
        /// The entry below which the systems are.
        base: BaseName = BaseName::default();
        /// How long a connection may take, and after it each search.
        timeout_seconds: Seconds<1, 60> = Seconds::of(3);
        /// How often the register is compared with the directory; `0`: never.
        check_every_seconds: Seconds<0, 2_592_000> = Seconds::of(86_400);
        /// What follows when the directory contradicts a registration: `report` says so, `suspend` suspends it, too.
        on_drift: OnDrift = OnDrift::Report;
        /// How many registrations a comparison may suspend. A directory that contradicts more of them at once is not believed:
        /// it is reported, and nothing is suspended.
        suspend_at_most: Count<1, 1_000_000> = Count::of(10);
    }
}

section! {
    /// What one caller, or all of them, may take. Bodies are limited to 64 KiB, always.
    Limits at "limits." {
        /// How long a TLS handshake may take.
        handshake_timeout_seconds: Seconds<1, 60> = Seconds::of(10);
        /// How long a caller may take to send the headers of a request.
        header_timeout_seconds: Seconds<1, 60> = Seconds::of(10);
        /// How long a request may take from its headers to the answer.
        request_timeout_seconds: Seconds<1, 300> = Seconds::of(15);
        /// Open connections; more wait in the operating system.
        max_connections: Count<1, 1_000_000> = Count::of(10_000);
        /// How old a connection grows before it is asked to close.
        max_connection_age_seconds: Seconds<1, 86_400> = Seconds::of(3_600);
        /// How long `/health/ready` says `stopping`, with 503, before the server takes no more connections: longer than whoever
        /// balances requests takes to hear it, so that none is lost. A second order to stop ends it at once.
        announce_stop_seconds: Seconds<0, 600> = Seconds::of(5);
        /// How long requests in flight may go on after the order to stop.
        drain_timeout_seconds: Seconds<0, 600> = Seconds::of(20);
        /// Argon2 computations at the same time, each of 19 MiB; `0`: one for two cores. They run at a lower priority than requests.
        argon2_concurrency: Count<0, 1_024> = Count::of(0);
        /// Secrets that wait for an Argon2 computation; more are answered with 503.
        argon2_queue_length: Count<0, 100_000> = Count::of(128);
        /// How much one address (IPv6: one /64 network) may take of the connections, and of the places for Argon2, in
        /// percent. Connections beyond that are closed at once, secrets answered with 503. `100` where all requests come
        /// through one proxy.
        share_per_address_percent: Count<1, 100> = Count::of(50);
        /// How often a consumer may fail to authenticate from one address (IPv6: one /64 network), before attempts from there
        /// are answered with 429. A secret that the server has seen right goes on getting tokens. `0`: no limit.
        failures_per_consumer_and_address: Count<0, 10_000> = Count::of(20);
        /// How often all consumers together may fail so at one address, apart from those that authenticated there within a
        /// day. `0`, for no limit, where all requests come through one proxy.
        failures_per_address: Count<0, 1_000_000> = Count::of(100);
        /// The time in which a used-up budget of failures is whole again; it comes back bit by bit.
        failures_refill_seconds: Seconds<1, 86_400> = Seconds::of(600);
        /// Requests that a consumer may make in a minute, once it is authenticated; more are answered with 429. A consumer's
        /// own registration comes first. `0`: no limit.
        requests_per_consumer_per_minute: Count<0, 1_000_000> = Count::of(0);
        /// How many of these may come at once; always as many as come in a second on average.
        burst_per_consumer: Count<1, 1_000_000> = Count::of(60);
    }
}

section! {
    /// Prometheus metrics, on a plain HTTP port of their own.
    Metrics at "metrics." {
        /// Where metrics are served, at `/metrics`; the empty string switches them off.
        listen: ListenOrOff = ListenOrOff::loopback(9464);
        /// Accepts an address in `metrics.listen` that other machines can reach.
        allow_beyond_loopback: bool = false;
    }
}

section! {
    /// The log, on standard error.
    Log at "log." {
        /// `people` for reading, `json` for machines: one event per line in both.
        format: LogFormat = LogFormat::People;
        /// A level, or several directives with commas: `info,sqlx=warn`.
        level: LogFilter = LogFilter::default();
    }
}

impl Tls {
    /// Every authority of client certificates, the short form first.
    pub fn all_client_authorities(&self) -> Vec<ClientAuthority> {
        let short = (!self.client_ca_files.is_empty()).then(|| ClientAuthority::simple(self.client_ca_files.clone()));
        short.into_iter().chain(self.client_authorities.0.iter().cloned()).collect()
    }
}

impl Limits {
    /// What one address may take of `all`, at least one.
    pub fn share_of(&self, all: usize) -> usize {
        all.saturating_mul(self.share_per_address_percent.get()).div_ceil(100).max(1)
    }

    /// Argon2 computations at the same time, with `0` replaced by half the number of cores.
    pub fn argon2_permits(&self) -> usize {
        match self.argon2_concurrency.get() {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            permits => permits,
        }
    }
}
