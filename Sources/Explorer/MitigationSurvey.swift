/// Boots a kernel to the probe and asks it what it does about the processor: its own report in sysfs, and its entry code beside the image's: the
/// instructions that are others, and those that a jump went around which is no longer there.
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
    // Code up to here was jumped over in the image.
    var letInUntil: UInt64 = 0
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
      if isChanged, next.text.hasPrefix("nop"),
        let target = jump(Array(before[at..<min(at + 15, before.count)]), at: address),
        target > address, target <= code.upperBound
      {
        letInUntil = max(letInUntil, target)
      }
      if length == next.length, isChanged || address < letInUntil, let what = name(next.text) {
        if places[what] == nil { order.append(what) }
        places[what, default: []].append(machine.location(address))
      }
      at += length
    }
    return order.map { MitigationReport.Patch(what: $0, places: places[$0]!) }
  }

  /// Where a JMP that stands there leads.
  private func jump(_ bytes: [UInt8], at address: UInt64) -> UInt64? {
    guard let text = Disassembler.instruction(bytes, at: address)?.text, text.hasPrefix("jmp ") else { return nil }
    return UInt64(text.dropFirst(4).drop { $0 == " " }.dropFirst(2), radix: 16)
  }

  /// What stands there, where it is something that a kernel patches in against speculation; calls and jumps by the name of where they lead.
  private func name(_ text: String) -> String? {
    let words = text.split(separator: " ", maxSplits: 1).map(String.init)
    switch words[0] {
    case "verw", "wrmsr", "lfence", "swapgs", "div", "divl", "divq": return words[0].hasPrefix("div") ? "div" : words[0]
    case "mov" where text.hasSuffix("%cr3"): return "mov to cr3"
    case "call", "jmp":
      guard words.count == 2, let address = UInt64(words[1].dropFirst(words[1].hasPrefix("0x") ? 2 : 0), radix: 16),
        let place = kernel.symbols.symbolize(address), place.offset == 0
      else { return nil }
      return "\(words[0]) \(place.name)"
    default: return nil
    }
  }
}
