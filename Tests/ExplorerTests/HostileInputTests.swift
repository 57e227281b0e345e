/// Goal: whatever a design or a witness holds, Limen ends by itself, within its bounds, with one of its statuses; nothing of the host gets
/// into what it says, and nothing stays behind. Inputs are drawn from fixed seeds.
///
/// A run longer than the suite's, with its counts: `LIMEN_HOSTILE_DESIGNS=2000 LIMEN_HOSTILE_WITNESSES=100000 swift test -c release
/// --disable-testable-imports --filter HostileInputTests` (Documentation/Oracles.md).
import Explorer
import Findings
import Foundation
import Platform
import Testing

@Suite struct HostileInputTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func count(_ name: String, _ standard: Int) -> Int {
    ProcessInfo.processInfo.environment["LIMEN_HOSTILE_\(name)"].flatMap(Int.init) ?? standard
  }

  /// How often each outcome was met, for the record.
  private func record(_ kind: String, _ outcomes: [String: Int]) {
    let text = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    print("\(kind): \(text)")
  }

  // MARK: Designs

  /// Lines that an assembly file of somebody who means harm could have.
  static let hostileLines = [
    "  hlt", "  ud2", "  cli", "  int3", "  jmp .", "  lidt (%rsp)", "  lgdt (%rsp)", "  ltr %ax", "  movq %rax, %cr3",
    "  movq $0, %rsp", "  movl $0xff000800, %esp", "  movq $0x800000000000, %rsp", "  movl 0x1fffffff, %eax",
    "  movl %eax, 0x1ffffffd", "  pushfq", "  popfq", "  std", "  wrmsr", "  rdmsr", "  outb %al, %dx", "  insb",
    "  rep stosb", "  rep movsq", "  rep outsb", "  swapgs", "  sysretq", "  iretq", "  syscall", "  movw %ax, %ss",
    "  lock cmpxchg16b (%rsp)", "  fxsave (%rsp)", "  call do_syscall_64", "  movb $0x90, entry_join(%rip)",
    "  .incbin \"/etc/passwd\"", "  .include \"/etc/passwd\"", "#include \"/etc/passwd\"", "#include __FILE__",
    "#error no", "  .fill 1000000000", "  .space 0x7fffffffffffffff", "  .org 0x40000000", "  .balign 0x40000000",
    "  .rept 100000000\n  nop\n  .endr", "  .macro m\n  m\n  .endm\n  m", "  .set xen_callback_flags, 7",
    "  .section .deplibs,\"MS\",@llvm_dependent_libraries,1\n  .asciz \"c\"\n  .text", "  .globl memcpy\nmemcpy:",
    "  .section .note.Xen,\"a\",@note\n  .long 4, 4, 18\n  .asciz \"Xen\"\n  .long -1\n  .text",
    "  CLAIM_IRQS 1, 0, -1", "  CLAIM_IRQS 0, -1, 0", "  CLAIM_IRQS 7, entry_join, entry_join", "\u{0}", "\u{FEFF}",
    "  .ascii \"\u{1B}]0;title\u{7}\"", "  \u{1B}[31mnop", "  .print \"\u{1B}[2J\"", "  .error \"\u{202E}\"",
  ]

  private func design(_ random: inout Mutator, _ lines: [String]) -> String {
    var lines = lines
    for _ in 0...random.place(in: 0..<3) {
      let at = random.place(in: lines.indices)
      switch random.place(in: 0..<5) {
      case 0: lines.remove(at: at)
      case 1: lines.insert(lines[random.place(in: lines.indices)], at: at)
      case 2: lines.swapAt(at, random.place(in: lines.indices))
      default: lines.insert(Self.hostileLines[random.place(in: Self.hostileLines.indices)], at: at)
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  @Test func designs() throws {
    let limen = LimenProgram(
      probe: Probe.root.appendingPathComponent(".build-probe/probe.elf").path, cache: folder.url.path + "/cache")
    let temporary = folder.url.appendingPathComponent("tmp")
    try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    let lines = try DesignTests.complete().components(separatedBy: "\n")
    let path = folder.url.appendingPathComponent("hostile.S").path
    var random = Mutator(seed: 0x4C69_6D65_6E44_6573)
    var outcomes: [String: Int] = [:]
    for index in 0..<Self.count("DESIGNS", 10) {
      try design(&random, lines).write(toFile: path, atomically: true, encoding: .utf8)
      let ended = try limen(
        "check", path, "--crossing", "syscall64", "--profile", index % 2 == 0 ? "intel" : "amd", "--event",
        "nmi,nmi-callback", "--bound", "20", "--timeout", "20s", "--witnesses", folder.url.path + "/witnesses",
        before: ["env", "TMPDIR=\(temporary.path)"])
      outcomes[ended.bySignal ? "signal \(ended.status)" : "status \(ended.status)", default: 0] += 1
      if ended.output.contains("--timeout 20s ran out") { outcomes["of these by the clock", default: 0] += 1 }
      #expect(!ended.bySignal && [0, 1, 2, 3, 5].contains(ended.status), "\(index): \(ended)")
      // Whoever opens a report on a terminal sees text.
      let said = ended.output + ended.complaint
      #expect(!said.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0.value == 0x202E }, "\(index): \(said)")
      #expect(!said.contains("root:"), "\(index): \(said)")
      #expect(ended.status != 2 || ended.complaint.contains("limen: \(path): "), "\(index): \(ended)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path).isEmpty, "\(index)")
    }
    record("designs", outcomes)
  }

  // MARK: Witnesses

  /// Another value for a field, of those that an attacker would try.
  private func damage(_ witness: inout Witness, _ random: inout Mutator) {
    func pick<Value>(_ values: [Value]) -> Value { values[random.place(in: values.indices)] }
    switch random.place(in: 0..<8) {
    // One that needs a hypervisor is no witness without it.
    case 0: witness.platform = pick(PlatformName.allCases.filter { !$0.needsHypervisor })
    case 1: witness.profile = pick(ProfileName.allCases)
    case 2: witness.crossing = pick(CrossingKind.allCases)
    case 3: witness.posture = pick(["normal", "rsp-zero", "nonsense"])
    case 4: witness.ablations = pick([[], Ablation.allCases.map(\.name), [pick(Ablation.allCases).name]]).sorted()
    default:
      var steps = witness.path.steps
      let boundary = pick([0, 1, 2, 3, 5, 8, random.place(in: 0..<64), 1_999_999, .max])
      let event = pick(EventKind.allCases)
      switch random.place(in: 0..<4) {
      case 0 where !steps.isEmpty: steps[random.place(in: steps.indices)].boundary = boundary
      case 1 where !steps.isEmpty: steps[random.place(in: steps.indices)].event = event
      case 2 where !steps.isEmpty: steps.remove(at: random.place(in: steps.indices))
      default:
        let address = pick([
          0, .max, steps.first?.location.address ?? 0x10_0000, UInt64(random.place(in: 0..<(1 << 21))),
        ])
        steps.append(PathStep(boundary: boundary, location: Location(address: address), event: event))
      }
      witness.path = Path(steps.sorted { $0.boundary < $1.boundary })
    }
  }

  @Test func witnesses() throws {
    let kernel = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url)
    let checker = try kernel.checker(.intel, events: [.nmi])
    let own = try #require(try checker.check { _ in }.witnesses.first)
    var random = Mutator(seed: 0x4C69_6D65_6E57_6974)
    var outcomes: [String: Int] = [:]
    for index in 0..<Self.count("WITNESSES", 400) {
      var witness = own
      for _ in 0...random.place(in: 0..<3) { damage(&witness, &random) }
      // As a file it is read back the same.
      #expect(try Witness(reading: Array(witness.text.utf8)) == witness, "\(index)")
      let ablations = witness.ablations.compactMap { Ablation(rawValue: $0.rawValue) }
      let one = Checker(
        kernel: checker.kernel, kernelPath: kernel.path, probe: checker.probe, memory: 16, append: "",
        platforms: [.bareMetal], profiles: [witness.profile], crossings: [witness.crossing],
        postures: [witness.posture], events: [], ablations: ablations, jobs: 1, witnessFolder: "")
      let report = try one.replay(witness.path, line: "limen replay x") { _ in }
      let section = try #require(report.sections.first)
      outcomes[report.verdict.kind.rawValue, default: 0] += 1
      // Held is no answer to a witness, and what broke, broke on its path.
      #expect(report.verdict.kind != .held && report.verdict.kind != .internalError, "\(index): \(report)")
      #expect((report.verdict == .violated) == !section.findings.isEmpty, "\(index)")
      #expect(section.findings.allSatisfy { $0.path == witness.path }, "\(index)")
    }
    record("witnesses", outcomes)
    #expect(outcomes["violated", default: 0] > 0 && outcomes["not-applicable", default: 0] > 0)
  }
}
