/// A computer whose probe has set everything up and waits for a request, with the fork that every crossing starts from.
import Findings
import KernelImage
import Machine
import Platform

public final class ReadyMachine {
  public let computer: any PlatformComputer
  public let probe: ProbeImage
  public let profileName: ProfileName
  package let claims: KernelClaims
  /// The kernel's, and those of the hypervisor below it.
  private let symbols: [SymbolTable]
  private var readableNames: [String: String] = [:]
  /// The place that was named last: every event of a boundary has the same.
  private var lastNamed: Location?
  /// The kernel's stacks, ascending; nil before the first request.
  package private(set) var stacks: [Stack]?
  /// Where crossings of each kind come to work; nil before the first request.
  package private(set) var workplaces: [CrossingKind: Workplace]?
  /// What crossings count up and down again; nil before the first request.
  package private(set) var counts: [NestingCount]?
  /// The user has set an alarm at the crossing.
  package private(set) var hasAlarm = false
  /// The user's memory at the crossing.
  package private(set) var userMemory = UserMemory()

  /// The probe needs no more than this from the request to the crossing.
  static let approachBound: UInt64 = 200_000_000

  /// `computer` stands at the probe's `limen_ready`.
  init(
    _ computer: any PlatformComputer, probe: ProbeImage, profile: ProfileName, symbols: [SymbolTable],
    claims: KernelClaims
  ) {
    self.computer = computer
    self.probe = probe
    profileName = profile
    self.symbols = symbols
    self.claims = claims
    computer.processor.watchedCode = claims.codeWithInterruptsOn
    computer.fork()
  }

  /// Names an address.
  package func location(_ address: UInt64) -> Location {
    if let lastNamed, lastNamed.address == address { return lastNamed }
    let place = symbols.lazy.compactMap { $0.symbolize(address) }.first
    let location =
      place.map { Location(address: address, symbol: readable($0), offset: $0.offset) } ?? Location(address: address)
    lastNamed = location
    return location
  }

  /// Every trial names its place, so Swift's names are read once.
  private func readable(_ place: SymbolTable.Location) -> String {
    guard place.name.hasPrefix("$") else { return place.name }
    if let known = readableNames[place.name] { return known }
    readableNames[place.name] = place.readableName
    return place.readableName
  }

  // MARK: Positioning

  /// Brings the machine to the crossing in the posture, and forks there.
  package func position(crossing: CrossingKind, posture: PostureName) throws {
    endRun()
    computer.restore()
    if let why = try obstacle(to: crossing, from: posture) { throw Stop(verdict: .notApplicable(reason: why)) }
    let given = FurtherPosture.given(posture)
    lookAround()
    hasAlarm = posture == "alarm-due"
    guard request(FurtherCrossing.given(crossing), from: given) else {
      throw ProbeImage.Refusal.unmapped(symbol: "limen_request")
    }
    if let top = computer.processor.interruptStackTop(of: .nmi) {
      // Inside the stack, where the handler's own frames come to lie.
      let chosen = withUnsafeBytes(of: (top &- 0x100).littleEndian) { [UInt8]($0) }
      computer.processor.write(chosen, atLinear: try probe.address("limen_rsp"))
    }
    let target = try probe.crossingAddress(FurtherCrossing.given(crossing), posture: given)
    let end = computer.proceed(Self.approachBound, until: target)
    guard case .budget = end, computer.processor.rip == target, !computer.isInKernel else {
      if case .unsupported(let what) = end {
        throw Stop(verdict: .unsupported(what: "\(what)", where: "\(location(computer.processor.rip))"))
      }
      throw Stop(
        verdict: .inconclusive(
          bound: "the probe did not reach its crossing; it stands at \(location(computer.processor.rip))"))
    }
    if let further = FurtherCrossing(crossing) { try setUp(further) }
    if let further = FurtherPosture(posture) { try setUp(further, crossing) }
    computer.processor.setClockStep(Self.clockStep)
    computer.fork()
    userMemory = computer.processor.userMemory()
  }

  /// What can be known of the kernel at the request, which every crossing is compared with. To be asked there, with its fork the innermost.
  package func lookAround() {
    if stacks == nil { stacks = findStacks() }
    if workplaces == nil { workplaces = findWorkplaces() }
    if counts == nil { counts = findCounts() }
  }

  /// Asks the probe, which waits, for a crossing. False where it has not such a one, or its request is not mapped.
  func request(_ crossing: CrossingKind, from posture: PostureName) -> Bool {
    guard let c = probe.crossings.firstIndex(of: crossing.rawValue), let p = probe.postures.firstIndex(of: posture),
      let place = try? probe.address("limen_request")
    else { return false }
    var request: [UInt8] = []
    for word in [UInt32(c), UInt32(p)] { withUnsafeBytes(of: word.littleEndian) { request.append(contentsOf: $0) } }
    return computer.processor.write(request, atLinear: place)
  }

  /// Clocks stand still for so long during a crossing: an event that comes a little later finds the same time.
  private static let clockStep: UInt64 = 1 << 16

  /// Moves the fork of the crossing here: what was changed since belongs to every later run.
  package func refork() {
    computer.refork()
    userMemory = computer.processor.userMemory()
  }

  /// Goes back to the request, whatever was explored.
  package func leave() {
    endRun()
    computer.restore()
    computer.drop()
  }

  /// Nobody watches the machine any more.
  private func endRun() {
    computer.console = nil
    computer.processor.isWatched = false
    computer.processor.clearTransitions()
    computer.processor.setClockStep(1)
  }

  package func fork() { computer.fork() }
  package func drop() { computer.drop() }
}

/// Why a crossing cannot be explored, as the verdict of its section.
package struct Stop: Error {
  package var verdict: Verdict

  package init(verdict: Verdict) { self.verdict = verdict }
}
