/// A computer whose probe has set everything up and waits for a request, with the fork that every crossing starts from.
import Findings
import Invariants
import KernelImage
import Machine

public final class ReadyMachine {
  public let computer: any PlatformComputer
  public let probe: ProbeImage
  public let profileName: ProfileName
  let claims: KernelClaims
  private let symbols: SymbolTable
  private var console: [UInt8] = []
  private var run: Run?
  /// The user's memory at the crossing.
  private(set) var userMemory = UserMemory()

  /// The probe needs no more than this from the request to the crossing.
  private static let approachBound: UInt64 = 200_000_000

  /// `computer` stands at the probe's `limen_ready`.
  init(
    _ computer: any PlatformComputer, probe: ProbeImage, profile: ProfileName, symbols: SymbolTable,
    claims: KernelClaims
  ) {
    self.computer = computer
    self.probe = probe
    profileName = profile
    self.symbols = symbols
    self.claims = claims
    computer.processor.watchedCode = claims.codeWithInterruptsOn
    computer.fork()
    computer.console = { [unowned self] in
      guard let run else { return }
      run.console.append($0)
      // A run looks at each line as soon as it stands.
      if $0 == UInt8(ascii: "\n") { computer.processor.requestStop() }
    }
  }

  /// Names an address.
  func location(_ address: UInt64) -> Location {
    guard let place = symbols.symbolize(address) else { return Location(address: address) }
    return Location(address: address, symbol: place.name, offset: place.offset)
  }

  // MARK: Positioning

  /// Brings the machine to the crossing in the posture, and forks there.
  func position(crossing: CrossingKind, posture: PostureName) throws {
    endRun()
    computer.restore()
    guard let c = probe.crossings.firstIndex(of: crossing.rawValue) else {
      throw Exploration.Stop(verdict: .notApplicable(reason: "the probe has no crossing \(crossing.rawValue)"))
    }
    guard let p = probe.postures.firstIndex(of: posture) else {
      throw Exploration.Stop(verdict: .notApplicable(reason: "the probe has no posture \(posture)"))
    }
    let table = try probe.address("limen_applicable") + UInt64(c * probe.postures.count + p)
    guard let applicable = computer.processor.bytes(atLinear: table, count: 1), applicable[0] != 0 else {
      throw Exploration.Stop(
        verdict: .notApplicable(
          reason: "\(crossing.rawValue) from \(posture) does not exist on this processor and kernel"))
    }
    var request: [UInt8] = []
    for word in [UInt32(c), UInt32(p)] { withUnsafeBytes(of: word.littleEndian) { request.append(contentsOf: $0) } }
    guard computer.processor.write(request, atLinear: try probe.address("limen_request")) else {
      throw ProbeImage.Refusal.unmapped(symbol: "limen_request")
    }
    if let top = computer.processor.interruptStackTop(of: .nmi) {
      // Inside the stack, where the handler's own frames come to lie.
      let chosen = withUnsafeBytes(of: (top &- 0x100).littleEndian) { [UInt8]($0) }
      computer.processor.write(chosen, atLinear: try probe.address("limen_rsp"))
    }
    let target = try probe.crossingAddress(crossing, posture: posture)
    let end = computer.proceed(Self.approachBound, until: target)
    guard case .budget = end, computer.processor.rip == target, !computer.isInKernel else {
      if case .unsupported(let what) = end {
        throw Exploration.Stop(verdict: .unsupported(what: "\(what)", where: "\(location(computer.processor.rip))"))
      }
      throw Exploration.Stop(
        verdict: .inconclusive(
          bound: "the probe did not reach its crossing; it stands at \(location(computer.processor.rip))"))
    }
    computer.fork()
    userMemory = computer.processor.userMemory()
  }

  /// Moves the fork of the crossing here: what was changed since belongs to every later run.
  func refork() {
    computer.refork()
    userMemory = computer.processor.userMemory()
  }

  /// What user mode can see at this boundary.
  func userView() -> UserView { UserView(computer, userMemory) }

  /// Goes back to the request, whatever was explored.
  func leave() {
    endRun()
    computer.restore()
    computer.drop()
  }

  /// Nobody watches the machine any more.
  private func endRun() {
    run = nil
    computer.processor.isWatched = false
    computer.processor.clearTransitions()
  }

  func fork() { computer.fork() }
  func drop() { computer.drop() }

  /// The user's side of the crossing at which the machine stands.
  func userSide(_ crossing: CrossingKind) -> UserSide {
    let processor = computer.processor
    return UserSide(
      rsp: processor[.rsp], stackPointers: [processor[.rsp]], gsBase: processor.segmentBase(.gs),
      gsBases: [processor.segmentBase(.gs)], cr3: processor.cr3, topTable: processor.topTable,
      interruptsOpen: computer.interruptsOpen, entersBySysenter: crossing == .sysenter, hasSplitTables: false)
  }

  func run(_ user: UserSide, _ crossing: CrossingKind, _ ablations: [Ablation], _ swapgs: Int) -> Run {
    let run = Run(
      computer, user: user, crossing: crossing, ablations: ablations, swapgsCount: swapgs, claims: claims,
      userMemory: userMemory)
    self.run = run
    return run
  }
}
