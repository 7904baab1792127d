//! One listener: accepts connections as long as there is room, serves HTTP/1.1 or HTTP/2, drains.

use std::{
    convert::Infallible,
    future::Future,
    net::{self, IpAddr},
    sync::Arc,
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use prometheus::IntGauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::{
    answer::Answer,
    crowd::{Crowd, Member},
    engine::chain,
    http1,
    limits::{DRAIN_TIMEOUT, HEAD_BYTES_MAX, PING_INTERVAL, STREAMS_MAX},
    transport::{Opened, Peer, Stream, Transport},
    turns::Turns,
    workers::Workers,
};

/// Pause after the kernel had no descriptors or memory for a connection.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Serves a listener until the sender of `stop` says so or is gone, then lets open requests end.
pub(crate) async fn serve<S, F>(
    listener: TcpListener,
    transport: Transport,
    crowd: Arc<Crowd>,
    open: IntGauge,
    stop: watch::Receiver<bool>,
    workers: Workers<S>,
) where
    S: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let mut told = stop.clone();
    let stopped = told.wait_for(|is_stopped| *is_stopped);
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &crowd) => accepted,
            _ = &mut stopped => break,
        };
        let Some((stream, opener, member)) = accepted else { continue };
        let (worker, load) = workers.least_loaded();
        let (service, watcher, mut stop) = (worker.service.clone(), graceful.watcher(), stop.clone());
        let (open, transport) = (open.clone(), transport.clone());
        worker.runtime.spawn(async move {
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            open.inc();
            let connection = async {
                let begun = tokio::select! {
                    ready = transport.open(stream, opener) => ready?,
                    // Nothing has been asked for yet.
                    _ = stop.wait_for(|is_stopped| *is_stopped) => return Ok(()),
                };
                let Opened { stream, is_http2, peer } = begun;
                let service = move |request| service(request, peer);
                connection(stream, is_http2, watcher, stop, Arc::clone(&member), service).await
            };
            tokio::select! {
                // The connection first: the end of an answer leaves before its connection makes way.
                biased;
                served = connection => if let Err(error) = served {
                    debug!(error = chain(&*error), "a connection broke off");
                },
                () = member.told_to_leave() => debug!("a connection that asked for nothing, or took no answer, made way"),
            }
            open.dec();
            drop(load);
        });
    }
    drop(listener);
    if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        warn!("requests were still open when the time to drain was over");
    }
    workers.end().await;
}

/// The stream belongs to no runtime yet.
async fn accept(listener: &TcpListener, crowd: &Arc<Crowd>) -> Option<(net::TcpStream, IpAddr, Arc<Member>)> {
    match listener.accept().await {
        Ok((stream, source)) => {
            // Without it small answers wait for acknowledgements; failing to set it costs speed only.
            let _ = stream.set_nodelay(true);
            // Only somebody who is there needs room.
            let member = crowd.enter().await?;
            let stream = stream.into_std().inspect_err(|error| warn!(%error, "failed to pass a connection on")).ok()?;
            Some((stream, source.ip().to_canonical(), member))
        }
        Err(error) => {
            warn!(%error, "failed to accept a connection");
            sleep(ACCEPT_RETRY_INTERVAL).await;
            None
        }
    }
}

async fn connection<S, F>(
    stream: Stream,
    is_http2: bool,
    watcher: Watcher,
    stop: watch::Receiver<bool>,
    member: Arc<Member>,
    service: S,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    S: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let stream = Turns::new(stream);
    let asked = Arc::clone(&member);
    let service = service_fn(move |request| {
        let (begun, answer) = (asked.begin(), service(request));
        // In a box, because hyper keeps room for an answer under way in every connection, idle ones too.
        Box::pin(async move { Ok::<_, Infallible>(begun.until_sent(answer.await)) })
    });
    if is_http2 {
        let mut server = http2::Builder::new(TokioExecutor::new());
        server
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .keep_alive_interval(PING_INTERVAL);
        // In a box, because most connections have no use for it.
        Box::pin(watcher.watch(server.serve_connection(TokioIo::new(stream), service))).await?;
    } else {
        // Whoever drains waits for all who could tell that the end has come.
        let _watcher = watcher;
        http1::serve(stream, &member, stop, service).await?;
    }
    Ok(())
}
