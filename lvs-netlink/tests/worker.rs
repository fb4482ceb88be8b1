//! The client on its worker thread: order, cancellation, and what happens when the thread ends.
#![cfg(all(feature = "tokio", feature = "test-util"))]

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::task::Poll;

use lvs_model::{Endpoint, SchedulerName, Service, ServiceKey};
use lvs_netlink::fake::Kernel;
use lvs_netlink::{AsyncClient, Client, Error, ErrorKind};

fn service(port: u16) -> Service {
    Service::new(ServiceKey::tcp(Endpoint::new([10, 9, 0, 1].into(), port)), SchedulerName::Rr)
}

async fn connect(kernel: &Kernel) -> AsyncClient {
    let kernel = kernel.clone();
    AsyncClient::start(move || Client::with_connector(kernel)).await.unwrap()
}

/// Occupies the worker until the sender is dropped, and tells when it has begun.
fn occupy(client: &AsyncClient) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Error>>, mpsc::Receiver<()>) {
    let (release, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let client = client.clone();
    let task = tokio::spawn(async move {
        client
            .run(move |_| {
                begun.send(()).unwrap();
                let _ = wait.recv();
                Ok(())
            })
            .await
    });
    (release, task, has_begun)
}

#[tokio::test]
async fn jobs_are_done_in_order_and_give_their_results() {
    let kernel = Kernel::new();
    let client = connect(&kernel).await;
    client.run(|client| client.add_service(&service(80))).await.unwrap();
    let error = client.run(|client| client.add_service(&service(80))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ServiceExists), "{error}");
    assert_eq!(client.clone().run(Client::services).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_kernel_without_ipvs_is_an_error_of_the_start() {
    let kernel = Kernel::builder().without_module().build();
    let error = AsyncClient::start(move || Client::with_connector(kernel)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::IpvsMissing), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_cancelled_before_it_began_is_never_begun() {
    let kernel = Kernel::new();
    let client = connect(&kernel).await;
    let (release, task, has_begun) = occupy(&client);
    has_begun.recv().unwrap();
    // One poll puts the job into the queue; then the future is dropped.
    let mut queued = Box::pin(client.run(|client| client.add_service(&service(80))));
    assert!(std::future::poll_fn(|context| Poll::Ready(queued.as_mut().poll(context))).await.is_pending());
    drop(queued);
    drop(release);
    task.await.unwrap().unwrap();
    assert_eq!(client.run(Client::services).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_cancelled_after_it_began_goes_on_to_its_end() {
    let kernel = Kernel::new();
    let client = connect(&kernel).await;
    let (release, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let other = client.clone();
    let running = tokio::spawn(async move {
        let job = move |client: &mut Client| {
            begun.send(()).unwrap();
            let _ = wait.recv();
            client.add_service(&service(80))
        };
        other.run(job).await
    });
    has_begun.recv().unwrap();
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    drop(release);
    assert_eq!(client.run(Client::services).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_that_panics_ends_the_thread_and_everybody_is_told() {
    let kernel = Kernel::new();
    let client = connect(&kernel).await;
    let error = client.run(|_| -> Result<(), Error> { panic!("on purpose") }).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io(error) if error.kind() == io::ErrorKind::BrokenPipe), "{error}");
    let error = client.run(Client::info).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io(error) if error.kind() == io::ErrorKind::BrokenPipe), "{error}");
}

#[test]
fn the_client_can_be_shared() {
    fn both<T: Send + Sync + Clone + 'static>() {}
    both::<AsyncClient>();
}
