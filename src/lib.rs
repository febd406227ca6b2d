//! The authorisation server for NHS Care Connect booking: who is calling, and what they have been assured to do.
//!
//! # Floors
//!
//! A module imports only from lower floors; `tests/integration/floors.rs` holds that.
//!
//! ```text
//!  6  main.rs → cli/                     a command line becomes operations
//!  5  http/   server/                    a request becomes operations · listeners, TLS, accept loop
//!     gateway/                           the verifier for providers in other languages: a proxy, or a proxy's adviser
//!  4  operations/                        one verb per file, called by http/ and by cli/ alike
//!  3  registry.rs  authorisation.rs  app.rs    what is registered, in memory · the one decision, pure · the parts
//!     replay.rs  credential_uses.rs  expiries.rs      which assertions were used · when each way in was · what ends soon
//!     key_set_fetches.rs                              which providers know the next key
//!     own_tokens.rs  revocation_list.rs               tokens of ours, read back · those that count no longer, signed
//!  2  authentication/  signing/  storage/  record/  directory/    each touches one outside thing; siblings never import each other
//!  1  domain/  config/  telemetry.rs  clock.rs  random.rs  crypto.rs  blocking.rs    values and rules
//!     fair_share.rs  budget.rs  rate_limit.rs         how much one caller may take
//!     hash_chain.rs                  records that cannot be changed without a trace
//!  0  careconnect-verifier               the wire contract: claims, identifiers, groups, and how to verify
//! ```
//!
//! # One token request
//!
//! Down one floor at a time, and back once; it reads no database, and writes to one only that an assertion was used.
//!
//! ```text
//! server/handshake.rs         TLS handshake finished → PeerConnection { address, certificate? }
//! http/forwarded.rs           behind a proxy         → the consumer's address and certificate instead of the proxy's
//! http/token.rs               HTTP                   → header and form body
//! operations/issue_token.rs                            now = clock.now(), read once
//!   1 domain/token_request.rs    parse               → TokenRequest
//!     authenticate_consumer.rs                         the same for tokens, revocation and introspection:
//!   2 registry.rs                find the consumer   → Option<Arc<ConsumerSystem>>
//!   3 authentication/            prove it            → AuthenticatedConsumer   (only authenticate() makes one)
//!     replay.rs                  record its use      → once, of an assertion
//!   4 registry.rs                find the provider   → Arc<ProviderSystem>
//!   5 authorisation.rs           decide              → GrantedAccess, or why not
//!   6 signing/                   sign its claims     → SignedToken
//!   7 record/                    write it down       → nothing leaves that is not in the record
//! http/token.rs               SignedToken            → 200, no-store
//! http/errors.rs              any Refusal            → status, OAuth error, reason, sentence, trace id
//! ```
//!
//! # One change of the register
//!
//! By whichever of three ways it comes, the same operation carries it out, in one transaction with its record.
//!
//! ```text
//! http/admin/consumers/register.rs     JSON        ╮
//! cli/consumer/register.rs             flags       ├→ ConsumerRegistration, and the Act: who, when, why
//! operations/estate/                   a file      ╯
//! operations/register_consumer.rs      makes the id, and the secret if asked for; hashes it
//! operations/put_consumer.rs           the rules of every consumer, new or changed
//! storage/change.rs                    takes the next revision, writes the rows, notes what was before and after
//! storage/audit.rs                     chains the records, and commits everything
//! registry.rs                          sees the revision within a second, on every node, and reads what changed
//! ```

pub mod app;
pub mod authentication;
pub mod authorisation;
pub mod blocking;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credential_uses;
pub mod crypto;
pub mod directory;
pub mod domain;
pub mod expiries;
pub mod fair_share;
pub mod gateway;
pub mod hash_chain;
pub mod http;
pub mod key_set_fetches;
pub mod operations;
pub mod own_tokens;
pub mod random;
pub mod rate_limit;
pub mod record;
pub mod registry;
pub mod replay;
pub mod revocation_list;
pub mod server;
pub mod signing;
pub mod storage;
pub mod telemetry;
