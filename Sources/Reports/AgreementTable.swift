import Findings

/// How a model of a hypervisor and the hypervisor agree, for eyes: a line for each crossing and event, and the differences below.
struct AgreementTable {
  let style: TerminalStyle

  func lines(_ agreements: [Agreement]) -> [String] {
    var lines = [style(.bold, "What the guest sees on xen-pv and on xen")]
    var table = TextTable(alignments: [.left, .left, .left, .right, .right, .right, .right, .left])
    table.rows.append([
      "kernel", "crossing", "event", "trials", "entries", "one-sided", "parted", "verdict",
    ])
    for agreement in agreements {
      let posture = printable(agreement.posture.rawValue)
      let title = "\(agreement.crossing.rawValue)/\(posture) \(agreement.profile.rawValue)"
      table.rows.append([
        printable(agreement.kernel.name), title, "-", "-", "\(agreement.entries)", "-", "-",
        printable(agreement.verdict.description),
      ])
      for trials in agreement.trials {
        table.rows.append([
          "", "", trials.model.rawValue, "\(trials.trials)", "\(trials.entries)", "\(trials.oneSided)",
          "\(trials.parted)", "",
        ])
      }
    }
    lines += table.lines(indent: "  ")
    for agreement in agreements {
      for one in agreement.differences {
        lines.append(
          "  \(agreement.crossing.rawValue)/\(printable(agreement.posture.rawValue)) \(agreement.profile.rawValue): "
            + printable(one.sentence, limit: 4096))
      }
    }
    return lines
  }
}
