//! `director --kernel` on a real kernel: LVS-NAT with a client, a director and two real servers, each in a network
//! namespace of its own. Run by `./lab tests`.

mod support;

use std::error::Error;
use std::process::{Child, Command, Stdio};

use support::{Director, file, predict_wrr, wait_for};

type Outcome = Result<(), Box<dyn Error>>;

/// Runs a command line and gives what it printed.
fn run(line: &str) -> Result<String, Box<dyn Error>> {
    let output = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("{line}: {}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// busybox's httpd in a namespace, answering with the name of the namespace.
struct RealServer {
    httpd: Child,
    _pages: tempfile::TempDir,
}

impl RealServer {
    fn start(namespace: &str) -> Result<Self, Box<dyn Error>> {
        let pages = tempfile::tempdir()?;
        std::fs::write(pages.path().join("index.html"), format!("{namespace}\n"))?;
        let httpd = Command::new("ip")
            .args(["netns", "exec", namespace, "busybox", "httpd", "-f", "-p", "80", "-h"])
            .arg(pages.path())
            .spawn()?;
        wait_for("httpd", || run(&format!("ip netns exec {namespace} busybox wget -q -O - http://127.0.0.1/")).ok());
        Ok(Self { httpd, _pages: pages })
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        let _ = self.httpd.kill();
        let _ = self.httpd.wait();
    }
}

/// The namespaces; the director forwards and is the real servers' gateway.
struct World;

impl World {
    fn build() -> Result<Self, Box<dyn Error>> {
        let world = Self;
        for namespace in ["client", "director", "server1", "server2"] {
            run(&format!("ip netns add {namespace} && ip -n {namespace} link set lo up"))?;
        }
        for (number, namespace) in ["client", "server1", "server2"].into_iter().enumerate() {
            run(&format!(
                "ip link add eth0 netns {namespace} type veth peer name eth{number} netns director &&
                 ip -n {namespace} address add 10.0.{number}.2/24 dev eth0 && ip -n {namespace} link set eth0 up &&
                 ip -n director address add 10.0.{number}.1/24 dev eth{number} && ip -n director link set eth{number} up &&
                 ip -n {namespace} route add default via 10.0.{number}.1"
            ))?;
        }
        run("ip -n director address add 192.0.2.1/32 dev lo")?;
        run("ip netns exec director sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'")?;
        Ok(world)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for namespace in ["client", "director", "server1", "server2"] {
            let _ = run(&format!("ip netns delete {namespace}"));
        }
    }
}

const IN_DIRECTOR: [&str; 4] = ["ip", "netns", "exec", "director"];

const CONFIG: &str = "
virtual_server 192.0.2.1 80 {
    protocol TCP
    lb_algo wrr
    lb_kind NAT
    delay_loop 1
    warmup 0
    connect_timeout 2
    real_server 10.0.1.2 80 {
        weight 1
        inhibit_on_failure
        TCP_CHECK {
            retry 0
        }
    }
    real_server 10.0.2.2 80 {
        weight 2
        TCP_CHECK {
            retry 0
        }
    }
}
";

/// What the client hears to so many requests.
fn ask(times: usize) -> Result<Vec<String>, Box<dyn Error>> {
    let one =
        || run("ip netns exec client timeout 20 busybox wget -q -O - http://192.0.2.1/").map(|s| s.trim().to_owned());
    (0..times).map(|_| one()).collect()
}

fn ipvsadm(arguments: &str) -> Result<String, Box<dyn Error>> {
    run(&format!("ip netns exec director ipvsadm {arguments}"))
}

/// Waits until the kernel holds these rules.
fn wait_for_rules(director: &Director, expected: &[&str]) {
    let mut seen = String::new();
    let start = std::time::Instant::now();
    loop {
        if let Ok(rules) = ipvsadm("-Sn") {
            seen = rules;
        }
        if seen.lines().map(str::trim).eq(expected.iter().copied()) {
            return;
        }
        assert!(start.elapsed() < support::PATIENCE, "the kernel holds\n{seen}\nerrors:\n{}", director.errors());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn six_requests_through_the_kernel_are_answered_as_lvs_sched_predicts() -> Outcome {
    let _world = World::build()?;
    let (server1, _server2) = (RealServer::start("server1")?, RealServer::start("server2")?);
    ipvsadm("-A -t 192.0.2.9:99 -s rr")?;
    ipvsadm("-a -t 192.0.2.9:99 -r 10.0.1.2:99 -m")?;
    let foreign = ipvsadm("-Sn")?;

    let config = file(CONFIG)?;
    let path = config.path().to_str().ok_or("a path")?;
    let director = Director::start(&IN_DIRECTOR, &["--kernel", "--table-interval", "0.2", path])?;
    let others = ["-A -t 192.0.2.9:99 -s rr", "-a -t 192.0.2.9:99 -r 10.0.1.2:99 -m -w 1"];
    let service = "-A -t 192.0.2.1:80 -s wrr";
    let second = "-a -t 192.0.2.1:80 -r 10.0.2.2:80 -m -w 2";
    let with_first = |weight| format!("-a -t 192.0.2.1:80 -r 10.0.1.2:80 -m -w {weight}");
    wait_for_rules(&director, &[service, &with_first(1), second, others[0], others[1]]);

    assert_eq!(ask(6)?, predict_wrr(&[("server1", 1), ("server2", 2)], 6));
    director.wait_for_line("-> 10.0.2.2:80 Masq 2 0 4");
    // What it shows is what the tool shows.
    let listed = ipvsadm("-Ln -t 192.0.2.1:80")?;
    assert!(director.output().contains(&listed), "not\n{listed}but\n{}", director.output());

    // What somebody else does to the own service is put right; the rest is left alone.
    ipvsadm("-d -t 192.0.2.1:80 -r 10.0.2.2:80")?;
    ipvsadm("-a -t 192.0.2.1:80 -r 10.0.1.9:80 -m")?;
    wait_for_rules(&director, &[service, &with_first(1), second, others[0], others[1]]);

    // A server that dies is taken out, and traffic goes to the other one.
    drop(server1);
    wait_for_rules(&director, &[service, &with_first(0), second, others[0], others[1]]);
    assert_eq!(ask(3)?, ["server2"; 3]);
    let server1 = RealServer::start("server1")?;
    wait_for_rules(&director, &[service, &with_first(1), second, others[0], others[1]]);
    assert_eq!(ask(3)?.iter().filter(|s| *s == "server1").count(), 1);
    drop(server1);

    director.signal("TERM");
    let (status, output, errors) = director.wait()?;
    assert_eq!(status.code(), Some(0), "{errors}");
    assert!(output.contains("TCP  192.0.2.1:80 wrr"), "{output}");
    assert_eq!(ipvsadm("-Sn")?, foreign, "only the own service is gone");
    Ok(())
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn whatever_ends_it_its_services_go_away() -> Outcome {
    let _world = World::build()?;
    ipvsadm("-A -t 192.0.2.9:99 -s rr")?;
    let foreign = ipvsadm("-Sn")?;
    let config = file(&CONFIG.replace("warmup 0", "warmup 60"))?;
    let path = config.path().to_str().ok_or("a path")?;
    // A terminal that is closed sends HUP.
    for signal in ["INT", "TERM", "HUP"] {
        let prefix: Vec<&str> = IN_DIRECTOR.into_iter().chain(["env", "--default-signal=HUP"]).collect();
        let director = Director::start(&prefix, &["--kernel", path])?;
        director.wait_for_line("-> 10.0.2.2:80 Masq 2 0 0");
        director.signal(signal);
        let (status, _, errors) = director.wait()?;
        assert_eq!(status.code(), Some(0), "{signal}: {errors}");
        assert_eq!(ipvsadm("-Sn")?, foreign, "{signal}");
    }
    Ok(())
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_service_of_somebody_else_is_refused_and_left_alone() -> Outcome {
    let _world = World::build()?;
    ipvsadm("-A -t 192.0.2.1:80 -s rr")?;
    let before = ipvsadm("-Sn")?;
    let config = file(CONFIG)?;
    let path = config.path().to_str().ok_or("a path")?;
    let (status, _, errors) = Director::start(&IN_DIRECTOR, &["--kernel", path])?.wait()?;
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("192.0.2.1:80") && errors.contains("--take-over"), "{errors}");
    assert_eq!(ipvsadm("-Sn")?, before);

    let director = Director::start(&IN_DIRECTOR, &["--kernel", "--take-over", path])?;
    // No real server answers: the first is quiesced, the second removed.
    wait_for_rules(&director, &["-A -t 192.0.2.1:80 -s wrr", "-a -t 192.0.2.1:80 -r 10.0.1.2:80 -m -w 0"]);
    director.signal("TERM");
    assert_eq!(director.wait()?.0.code(), Some(0));
    assert_eq!(ipvsadm("-Sn")?, "");
    Ok(())
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_configuration_that_the_kernel_refuses_leaves_nothing_behind() -> Outcome {
    let _world = World::build()?;
    ipvsadm("-A -t 192.0.2.9:99 -s rr")?;
    let before = ipvsadm("-Sn")?;
    // The kernel of the lab has no such scheduler; the service before it can be added.
    let unknown = CONFIG.replace("192.0.2.1", "192.0.2.2").replace("lb_algo wrr", "lb_algo twos");
    let config = file(&format!("{CONFIG}{unknown}"))?;
    let path = config.path().to_str().ok_or("a path")?;
    let (status, _, errors) = Director::start(&IN_DIRECTOR, &["--kernel", path])?.wait()?;
    assert_eq!(status.code(), Some(1), "{errors}");
    let last = errors.lines().last().unwrap_or_default();
    assert!(last.contains("192.0.2.2:80") && last.contains("scheduler"), "{errors}");
    assert_eq!(ipvsadm("-Sn")?, before);
    Ok(())
}

/// While this lives, the kernel has no module of IPVS, and does not find one.
struct WithoutIpvs {
    modprobe: String,
}

impl WithoutIpvs {
    fn begin() -> Result<Self, Box<dyn Error>> {
        let modprobe = std::fs::read_to_string("/proc/sys/kernel/modprobe")?.trim().to_owned();
        let without = Self { modprobe };
        run("echo /bin/false > /proc/sys/kernel/modprobe")?;
        // Modules that others use go in a later round.
        run(
            "for round in 1 2 3; do rmmod $(lsmod | grep -o '^ip_vs[a-z_]*') 2> /dev/null; done; ! lsmod | grep -q '^ip_vs'",
        )?;
        Ok(without)
    }
}

impl Drop for WithoutIpvs {
    fn drop(&mut self) {
        let _ = std::fs::write("/proc/sys/kernel/modprobe", &self.modprobe);
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn without_ip_vs_in_the_kernel_one_sentence_says_what_to_do() -> Outcome {
    let _without = WithoutIpvs::begin()?;
    let config = file(CONFIG)?;
    let path = config.path().to_str().ok_or("a path")?;
    let (status, _, errors) = Director::start(&[], &["--kernel", path])?.wait()?;
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("ip_vs is not in this kernel") && errors.contains("modprobe ip_vs"), "{errors}");
    assert_eq!(errors.trim().lines().count(), 1, "{errors}");
    Ok(())
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn without_permission_one_sentence_says_what_to_do() -> Outcome {
    let config = file(CONFIG)?;
    let path = config.path().to_str().ok_or("a path")?;
    // Root without any capability, as in a container: the files of the checkout stay readable.
    let prefix = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"];
    let (status, _, errors) = Director::start(&prefix, &["--kernel", path])?.wait()?;
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("root"), "{errors}");
    assert_eq!(errors.trim().lines().count(), 1, "{errors}");
    Ok(())
}
