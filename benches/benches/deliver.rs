//! Messages from `Post::receive` to durable in a mailbox, without sockets: rate, processor time, syncs.
//!
//! `cargo xtask bench deliver [MESSAGES] [OCTETS] [ACCOUNTS]`; each line is one number of deliveries under way at once.

use futures_util::stream::{self, StreamExt};
use model::{Domain, ForwardPath, ReversePath};
use mta::{Envelope, Hop, Incoming, Origin, Post, Recipient, Relaying};
use net::runtime::TokioEnv;
use smtp::extension::{MailParams, RcptParams};
use std::sync::Arc;
use std::time::Instant;

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench").map(|arg| arg.parse::<usize>());
    let mut next = |default| args.next().unwrap_or(Ok(default));
    let (messages, octets, accounts) = (next(20_000)?, next(4096)?, next(100)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        println!("{messages} messages of {octets} octets to {accounts} accounts");
        println!("at once | messages/s | µs CPU each | messages per sync");
        for at_once in [1, 4, 20, 100, 400] {
            let folder = tempfile::tempdir()?;
            std::fs::create_dir(folder.path().join("store"))?;
            std::fs::create_dir(folder.path().join("blobs"))?;
            let env = TokioEnv::new()?.env();
            let (store, post) = benches::post(folder.path(), accounts, &env).await?;
            let count = messages.min(at_once * 2000);
            // The accounts' first rows are not what is measured.
            run(&post, accounts, accounts.min(100), at_once, octets).await?;
            let (syncs, cpu, start) = (store.syncs(), benches::cpu(), Instant::now());
            run(&post, accounts, count, at_once, octets).await?;
            let (taken, cpu, syncs) = (start.elapsed(), benches::cpu() - cpu, store.syncs() - syncs);
            let rate = count as f64 / taken.as_secs_f64();
            let cpu_us = cpu.as_secs_f64() * 1e6 / count as f64;
            println!("{at_once:7} | {rate:10.0} | {cpu_us:11.1} | {:.1}", count as f64 / syncs as f64);
        }
        Ok(())
    })
}

async fn run(post: &Arc<Post>, accounts: usize, count: usize, at_once: usize, octets: usize) -> anyhow::Result<()> {
    let one = |n: usize| tokio::spawn(deliver(post.clone(), n % accounts, benches::message(n, octets)));
    let mut done = stream::iter(0..count).map(one).buffer_unordered(at_once);
    while let Some(delivered) = done.next().await {
        delivered??;
    }
    Ok(())
}

async fn deliver(post: Arc<Post>, account: usize, message: Vec<u8>) -> anyhow::Result<()> {
    let path = ForwardPath::Address(format!("u{account}@bench.test").parse()?);
    let by = Domain::new("mx.bench.test")?;
    let mta::Route::Accept(targets) = mta::route(&post.directory, &path, Relaying::Refused, &by) else {
        anyhow::bail!("not routed")
    };
    let hop = Hop {
        helo: Some("load".into()),
        address: Some("[127.0.0.1]".into()),
        protocol: "ESMTP",
        tls: None,
        by,
        session_id: 0,
    };
    let mut incoming = Incoming::begin(post.mailstore.blobs(), &post.in_flight)?;
    for piece in message.chunks(32 * 1024) {
        incoming.take(piece).expect("only submitted headers are mended");
        if incoming.is_full() {
            incoming.spill().await?;
        }
    }
    let received = incoming.finish().await?;
    let recipients = vec![Recipient { path, targets, params: RcptParams::default() }];
    let envelope = Envelope { reverse_path: ReversePath::Null, params: MailParams::default(), recipients };
    let replies = post.receive(Origin::Smtp(hop), envelope, received).await;
    anyhow::ensure!(replies.iter().all(smtp::Reply::is_positive), "refused: {replies:?}");
    Ok(())
}
