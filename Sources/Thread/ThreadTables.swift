/// The tables that several questions show.
import Findings

extension CheckSection {
  /// Boundaries in the windows of the kind.
  func boundaries(_ kind: WindowKind, _ direction: Direction) -> Int {
    windows.filter { $0.kind == kind && $0.direction == direction }.reduce(0) { $0 + $1.boundaries }
  }

  /// The events that did harm in the windows of the kind.
  func harmful(_ kind: WindowKind) -> [EventKind] {
    let events = windows.filter { $0.kind == kind }.flatMap(\.events).filter { $0.arrival == .harmful }.map(\.event)
    return Set(events).sorted()
  }

  var brokenInvariants: [String] {
    invariants.filter { $0.verdict.kind == .violated }.map(\.invariant.rawValue)
  }

  /// The verdict, and by which invariants.
  var verdictText: String {
    let broken = brokenInvariants
    return broken.isEmpty ? verdict.kind.rawValue : "\(verdict.kind.rawValue): \(broken.joined(separator: ", "))"
  }

  var machineText: String { "\(platform.rawValue) \(profile.rawValue)" }

  /// Boundaries of the kernel's that run on the user's RSP, without those of a hypervisor's below it.
  func kernelBoundaries(_ direction: Direction) -> Int {
    windows.filter { $0.kind == .rsp && $0.direction == direction && !$0.isHypervisors }.reduce(0) {
      $0 + $1.boundaries
    }
  }
}

extension Window {
  /// The addresses that Xen keeps for itself: `HYPERVISOR_VIRT_START` and `HYPERVISOR_VIRT_END` of xen/include/public/arch-x86/xen-x86_64.h.
  var isHypervisors: Bool { (0xFFFF_8000_0000_0000..<0xFFFF_8800_0000_0000).contains(first.address) }

  var places: String { boundaries == 1 ? "\(first)" : "\(first) to \(last)" }
}

extension ThreadRuns {
  /// One row for each machine and threshold of each kernel.
  func verdictTable(_ caption: String, _ titles: [String], on platforms: [PlatformName]) -> ThreadTable {
    let sections = titles.flatMap { title in
      platforms.flatMap { self.sections(title, $0) }.map { (title, $0) }
    }
    return ThreadTable(
      caption, header: ["design", "machine", "crossing", "verdict", "user's RSP in", "out", "harmful there"],
      rows: sections.map { title, section in
        [
          title, section.machineText, section.crossing.rawValue, section.verdictText,
          "\(section.boundaries(.rsp, .entry))", "\(section.boundaries(.rsp, .exit))",
          section.harmful(.rsp).map(\.title).joined(separator: ", "),
        ]
      })
  }

  /// Every kernel's SYSCALL under both platforms.
  func costTable() -> ThreadTable {
    var rows: [[String]] = []
    for platform in PlatformName.running {
      for kernel in designs + others {
        guard let cell = cell(kernel.title, platform), let parts = parts(kernel.title, platform) else { continue }
        rows.append(
          [kernel.title, platform.rawValue] + Self.costs(parts) + [
            "\(cell.section.boundaries(.rsp, .entry)), \(cell.section.boundaries(.rsp, .exit))",
            cell.section.verdictText,
          ])
      }
    }
    return ThreadTable(
      "SYSCALL from 64-bit code, posture normal, profile intel: instructions, memory reads, memory writes, hypercalls; in: up to "
        + "the first instruction of \(ThreadRuns.work); out: behind its return.",
      header: ["kernel", "platform", "in", "work", "out", "user's RSP in, out", "verdict"], rows: rows)
  }

  /// Every kernel's SYSCALL through the hypervisor's own bytes.
  func hypervisorCostTable() -> ThreadTable {
    var rows: [[String]] = []
    for kernel in designs + others {
      for profile in ProfileName.plain {
        guard let section = cell(kernel.title, .xen, .syscall64, profile)?.section,
          let parts = hypervisorParts[kernel.title]?[profile]
        else { continue }
        rows.append(
          [kernel.title, profile.rawValue]
            + [parts.wayIn, parts.work, parts.wayOut].map { cost in
              let below = cost.hypervisorInstructions ?? 0
              return "\(below) + \(cost.instructions - below)"
            } + [
              "\(section.kernelBoundaries(.entry)), \(section.kernelBoundaries(.exit))", section.verdictText,
            ])
      }
    }
    return ThreadTable(
      "SYSCALL from 64-bit code through Xen's own bytes, posture normal: instructions of Xen's + the kernel's; in: up to the first "
        + "instruction of \(ThreadRuns.work); out: behind its return; user's RSP: boundaries of the kernel's.",
      header: ["kernel", "profile", "in", "work", "out", "user's RSP in, out", "verdict"], rows: rows)
  }

  static func costs(_ parts: CrossingParts) -> [String] {
    [parts.wayIn, parts.work, parts.wayOut].map { cost in
      "\(cost.instructions) / \(cost.memoryReads) / \(cost.memoryWrites) / \(cost.hypercallCount)"
    }
  }

  /// The costs of one part of the crossing, a row for each kernel.
  func costRows(_ titles: [String], _ platform: PlatformName, _ part: (CrossingParts) -> CrossingCost) -> [[String]] {
    titles.compactMap { title in
      guard let parts = parts(title, platform) else { return nil }
      let cost = part(parts)
      return [
        title, platform.rawValue, "\(cost.instructions)", "\(cost.memoryReads)", "\(cost.memoryWrites)",
        "\(cost.hypercallCount)",
      ]
    }
  }

  static let costHeader = ["design", "platform", "instructions", "reads", "writes", "hypercalls"]
}

/// `1 boundary`, `3 boundaries`.
func counted(_ number: Int, _ one: String, _ many: String) -> String { "\(number) \(number == 1 ? one : many)" }
