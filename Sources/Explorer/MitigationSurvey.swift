/// Boots a kernel to the probe and asks it what it does about the processor: its own report in sysfs, and its entry code beside the image's.
///
/// Linux Documentation/ABI/testing/sysfs-devices-system-cpu, "vulnerabilities".
import Findings
import KernelImage
import Machine
import Subjects

extension Checker {
  /// One report for each platform and profile that was asked for.
  public func mitigations(progress: (String) -> Void = { _ in }) throws -> [MitigationReport] {
    try combinations.map { combination in
      progress("booting under \(combination.title)")
      let machine = try snapshot(combination).ready(warn: warn)
      let calls = try GuestCalls(machine)
      try calls.mountSysfs()
      let folder = "/sys/devices/system/cpu/vulnerabilities"
      let vulnerabilities = try calls.names(in: folder).map { name in
        MitigationReport.Vulnerability(
          name: name,
          status: (try calls.contents(of: "\(folder)/\(name)") ?? "").split(whereSeparator: \.isNewline).joined(
            separator: " "))
      }
      return MitigationReport(
        kernel: identity, platform: combination.platform, profile: combination.profile,
        vulnerabilities: vulnerabilities,
        patched: patches(machine, calls))
    }
  }

  /// The labels that Linux's linker script puts around its entry code.
  private var entryCode: Range<UInt64>? {
    guard let start = kernel.symbols.lookup("__entry_text_start"), let end = kernel.symbols.lookup("__entry_text_end"),
      start < end, end - start < 1 << 20
    else { return nil }
    return start..<end
  }

  private func patches(_ machine: ReadyMachine, _ calls: GuestCalls) -> [MitigationReport.Patch]? {
    guard let code = entryCode, let target = kernel.symbols.lookup("do_syscall_64"), calls.enter(until: target),
      let image = kernel.contents(virtualAddress: code.lowerBound, count: Int(code.upperBound - code.lowerBound)),
      let now = machine.computer.processor.bytes(atLinear: code.lowerBound, count: image.count)
    else { return nil }
    let before = Array(image)
    let starts = Set(kernel.symbols.symbols.map(\.address).filter(code.contains))
    var order: [String] = []
    var places: [String: [Location]] = [:]
    // Up to where a jump led that stands in the image and no longer does: what it led around is executed.
    var letIn = code.lowerBound
    var at = 0
    while at < now.count {
      let address = code.lowerBound + UInt64(at)
      guard let next = Disassembler.instruction(Array(now[at..<min(at + 15, now.count)]), at: address) else {
        at += 1
        continue
      }
      // An instruction that runs across a label is none: what stands before it was filled up.
      let length = (1..<max(next.length, 2)).first { starts.contains(address + UInt64($0)) } ?? next.length
      let isChanged = now[at..<at + length] != before[at..<at + length]
      if isChanged, let target = jump(Array(before[at..<min(at + 15, before.count)]), at: address) {
        letIn = max(letIn, target)
      }
      if length == next.length, isChanged || address < letIn, let what = name(next.text) {
        if places[what] == nil { order.append(what) }
        places[what, default: []].append(machine.location(address))
      }
      at += length
    }
    return order.map { MitigationReport.Patch(what: $0, places: places[$0]!) }
  }

  /// Where the jump leads that the image has there, if it is one of a few bytes ahead.
  private func jump(_ bytes: [UInt8], at address: UInt64) -> UInt64? {
    guard let before = Disassembler.instruction(bytes, at: address), before.text.hasPrefix("jmp 0x"),
      let target = UInt64(before.text.dropFirst(6).prefix { $0.isHexDigit }, radix: 16), target > address,
      target - address < 128
    else { return nil }
    return target
  }

  /// What stands there, where it is something that a kernel patches in against speculation; calls and jumps by the name of where they lead.
  private func name(_ text: String) -> String? {
    let words = text.split(separator: " ", maxSplits: 1).map(String.init)
    switch words[0] {
    case "verw", "wrmsr", "lfence", "swapgs", "div", "divl", "divq": return words[0].hasPrefix("div") ? "div" : words[0]
    case "mov" where text.hasSuffix("%cr3"): return "mov to cr3"
    case "call", "jmp":
      guard words.count == 2, let address = UInt64(words[1].dropFirst(words[1].hasPrefix("0x") ? 2 : 0), radix: 16),
        let name = kernel.symbols.symbols.lazy.filter({ $0.address == address }).map(\.name).max(by: {
          $0.count < $1.count
        })
      else { return nil }
      return "\(words[0]) \(name)"
    default: return nil
    }
  }
}
