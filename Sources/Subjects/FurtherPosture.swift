/// Postures that the probe does not set up: where it stands at its crossing, the user program executes a few instructions more, of ours, and then the
/// crossing. So the probe stays what every kernel boots with.
///
/// SDM vol. 2B, "MOV"; vol. 3A, "Segment Loading Instructions in IA-32e Mode"; modify_ldt(2), mmap(2).
import Findings
import Machine
import Platform

enum FurtherPosture: String, CaseIterable {
  /// DS and ES hold the selector of a 32-bit data segment in the LDT.
  case dataInLDT = "data-ldt"
  /// SS does.
  case stackInLDT = "stack-ldt"
  /// The crossing's instruction is the last below the addresses that are not canonical.
  case codeEnd = "code-end"
  /// The crossing's instruction is executed by 32-bit code.
  case code32 = "code-32"

  init?(_ posture: PostureName) { self.init(rawValue: posture.rawValue) }

  var name: PostureName { PostureName(rawValue: rawValue) }

  /// What the probe itself is asked for.
  static func given(_ posture: PostureName) -> PostureName { Self(posture) == nil ? posture : "normal" }

  /// A segment of an LDT is loaded.
  var needsLDT: Bool { self == .dataInLDT || self == .stackInLDT }

  /// SYSRET and SYSEXIT load SS anew, and the compatibility crossings' code pushes on a flat stack; the probe's other crossings are longer than what
  /// can be put elsewhere. In 32-bit code SYSCALL is another one, every address is canonical, and no memory is reached by DS, which 64-bit code has null.
  func makesSense(for crossing: CrossingKind) -> Bool {
    switch self {
    case .dataInLDT: true
    case .stackInLDT: ![.syscall64, .syscall32, .sysenter, .sigreturn].contains(crossing)
    case .codeEnd: [.syscall64, .int80, .ud, .bp].contains(crossing)
    case .code32: [.int80, .ud, .bp, .gp, .of, .mf, .xm, .irq, .nmi, .db].contains(crossing)
    }
  }
}

extension ReadyMachine {
  /// LDT_SELECTOR(LDT_DATA) of `Probe/probe.h`.
  private static let dataSelector: UInt64 = 7
  /// USER32_CS of `Probe/state.h`.
  private static let code32Selector: UInt8 = 0x23
  /// The last page of the lower half of all addresses. Linux keeps it free, because of what its SYSRET would do behind it: CVE-2006-0744.
  private static let lastPage: UInt64 = 0x7FFF_FFFF_F000

  /// The machine stands at the crossing as `normal` has it.
  func setUp(_ posture: FurtherPosture, _ crossing: CrossingKind) throws {
    let processor = computer.processor
    switch posture {
    case .dataInLDT:
      // MOV DS, EAX; MOV ES, EAX.
      try execute([0x8E, 0xD8, 0x8E, 0xC0], with: [.rax: Self.dataSelector], for: posture.rawValue)
    case .stackInLDT:
      // MOV SS, EAX; NOP, as events wait for one instruction.
      try execute([0x8E, 0xD0, 0x90], with: [.rax: Self.dataSelector], for: posture.rawValue)
    case .code32:
      // PUSH 23H; PUSH RDI; RETFQ, to the instruction behind. The probe lies below 4 GiB.
      let code: [UInt8] = [0x6A, Self.code32Selector, 0x57, 0x48, 0xCB]
      try execute(code, with: [.rdi: processor.rip &+ UInt64(code.count)], for: posture.rawValue)
    case .codeEnd:
      let length = crossing == .bp ? 1 : 2
      guard let code = processor.bytes(atLinear: processor.rip, count: length) else {
        throw Stop(verdict: .inconclusive(bound: "the crossing's instruction cannot be read"))
      }
      // mmap: PROT_READ | PROT_WRITE | PROT_EXEC; MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_POPULATE. SYSCALL.
      let result = try execute(
        [0x0F, 0x05],
        with: [.rax: 9, .rdi: Self.lastPage, .rsi: 4096, .rdx: 7, .r10: 0x8032, .r8: .max, .r9: 0],
        for: posture.rawValue)
      let place = Self.lastPage + 4096 - UInt64(length)
      guard result == Self.lastPage, processor.write(code, atLinear: place) else {
        throw Stop(
          verdict: .notApplicable(
            reason: "the kernel maps no page that ends where the addresses that are not canonical begin"))
      }
      processor.rip = place
    }
  }

  /// Executes instructions at the crossing, from these registers, and puts everything back but what they are for. Flags that would trap, or turn them
  /// into others, wait until then.
  ///
  /// - Returns: RAX behind them.
  @discardableResult
  func execute(_ code: [UInt8], with values: [GeneralRegister: UInt64], for name: String) throws -> UInt64 {
    let processor = computer.processor
    let (start, flags) = (processor.rip, processor.rflags)
    let registers = GeneralRegister.allCases.map { processor[$0] }
    let end = start &+ UInt64(code.count)
    guard let old = processor.bytes(atLinear: start, count: code.count), processor.write(code, atLinear: start) else {
      throw Stop(verdict: .inconclusive(bound: "the instructions of \(name) have no place"))
    }
    for (register, value) in values { processor[register] = value }
    processor.rflags.subtract([.trap, .alignmentCheck])
    let stop = computer.proceed(Self.approachBound, until: end)
    guard case .budget = stop, processor.rip == end, !computer.isInKernel else {
      throw Stop(
        verdict: .inconclusive(
          bound:
            "the instructions of \(name) did not come to their end; it stands at \(location(processor.rip))"
        ))
    }
    let result = processor[.rax]
    for (register, value) in zip(GeneralRegister.allCases, registers) { processor[register] = value }
    processor.rflags = flags
    processor.rip = start
    processor.write(old, atLinear: start)
    return result
  }
}
