//! The live table, as `ipvsadm -Ln` prints it.

use lvs_config::ipvsadm::{Columns, Order, View};
use lvs_model::{Info, ServiceStatus, Version};

/// The services with their destinations, weights and connections, without the line about the kernel's version.
pub(crate) fn table(mut services: Vec<ServiceStatus>) -> String {
    Order::Tool.sort(&mut services);
    // Neither is shown.
    let info = Info { version: Version::from_number(0), connection_table_size: 0 };
    let text = View::new(Columns::Default).print(&info, &services);
    text.split_once('\n').map_or_else(String::new, |(_version, table)| table.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lvs_model::{Destination, DestinationStatus, Service};

    #[test]
    fn it_reads_as_the_tool_prints_it() -> Result<(), Box<dyn std::error::Error>> {
        let mut web = ServiceStatus::from("-t 192.0.2.10:80 -s wrr -p 300".parse::<Service>()?);
        // In the order of the kernel's list; the tool sorts.
        for (rule, active, inactive) in [("-r 10.0.0.2:80 -g -w 0", 0, 7), ("-r 10.0.0.1:80 -m -w 3", 1, 20)] {
            let mut status = DestinationStatus::from(rule.parse::<Destination>()?);
            (status.counts.active, status.counts.inactive) = (active, inactive);
            web.destinations.push(status);
        }
        let expected = "\
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.10:80 wrr persistent 300
  -> 10.0.0.1:80                  Masq    3      1          20        \n  -> 10.0.0.2:80                  Route   0      0          7         \n";
        assert_eq!(table(vec![web]), expected);
        Ok(())
    }
}
