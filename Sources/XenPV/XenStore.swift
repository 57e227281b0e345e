/// XenStore's end of its ring: a store that answers one domain, with little in it but what the domain writes.
///
/// Xen `xen/include/public/io/xs_wire.h`; `docs/misc/xenstore.txt`, `docs/misc/xenstore-ring.txt`; `tools/xenstore/xenstored_core.c`.
///
///     message  { u32 type, req_id, tx_id, len; } and a payload of at most 4096 bytes
///     ring     req[1024] rsp[1024] u32 req_cons, req_prod, rsp_cons, rsp_prod
///
/// Not modelled: permissions, transactions (what is done in one is done at once), other domains, and the device nodes by
/// which frontends find their backends: a domain has no devices.
public struct XenStore: Sendable, Codable, Hashable {
  /// Values by absolute path. A node's parents exist with it.
  var nodes: [String: [UInt8]] = [:]
  /// Path as the domain gave it, and token.
  var watches: [[String]] = []
  /// The part of a request that has come, and the answers that have not gone.
  var request: [UInt8] = []
  var answers: [UInt8] = []
  var lastTransaction: UInt32 = 0

  /// XS_*.
  enum Message: UInt32 {
    case directory = 1
    case read, getPermissions, watch, unwatch, startTransaction, endTransaction, introduce, release, domainPath
    case write, makeDirectory, remove, setPermissions, watchEvent, error
    case isDomainIntroduced = 17
    case resume
    case setTarget = 19
    case resetWatches = 21

    /// Whether the first part of the payload is a path.
    var namesNode: Bool {
      switch self {
      case .directory, .read, .getPermissions, .watch, .write, .makeDirectory, .remove, .setPermissions: true
      default: false
      }
    }
  }

  public init() {}

  /// What the toolstack writes for a domain of so many pages, as far as a domain without devices looks for it.
  init(domainPages: Int) {
    let kilobytes = Array(String(domainPages * 4).utf8)
    for (path, value) in [
      ("domid", Array("1".utf8)), ("name", Array("limen".utf8)), ("cpu/0/availability", Array("online".utf8)),
      ("memory/static-max", kilobytes), ("memory/target", kilobytes), ("control/shutdown", []), ("device", []),
    ] {
      nodes[Self.absolute(path)] = value
    }
  }

  static let mostPayload = 4096
  /// xenstored's quotas for a domain.
  private static let mostNodes = 1000
  private static let mostBytes = 2048
  private static let mostWatches = 128

  private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

  /// A path that does not begin with a slash is below the domain's own.
  private static func absolute(_ path: String) -> String {
    path.hasPrefix("/") || path.hasPrefix("@") ? path : "/local/domain/1/" + path
  }

  /// is_valid_nodename.
  private static func isValid(_ path: String) -> Bool {
    let isWhole = !path.hasSuffix("/") || path == "/"
    return isWhole && !path.contains("//") && path.utf8.count < 3072
      && path.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-/_@".utf8.contains(byte)
        }
      }
  }

  private mutating func answer(_ type: UInt32, _ header: [UInt8], _ payload: [UInt8]) {
    let words: [UInt32] = [type, header.field(4), header.field(8), UInt32(payload.count)]
    answers += words.flatMap(littleEndian) + payload
  }

  private mutating func event(_ path: String, _ token: String) {
    let payload = Array(path.utf8) + [0] + Array(token.utf8) + [0]
    let words: [UInt32] = [Message.watchEvent.rawValue, 0, 0, UInt32(payload.count)]
    answers += words.flatMap(littleEndian) + payload
  }

  /// Tells of a change to those who watch the node or one above it.
  private mutating func changed(_ path: String) {
    for watch in watches {
      let watched = Self.absolute(watch[0])
      guard path == watched || path.hasPrefix(watched + "/") else { continue }
      // A relative watch is answered in relative terms.
      let isRelative = watched != watch[0]
      event(isRelative ? String(path.dropFirst("/local/domain/1/".count)) : path, watch[1])
    }
  }

  /// Answers every request that has come whole.
  mutating func work() {
    while request.count >= 16 {
      let length: UInt32 = request.field(12)
      guard length <= Self.mostPayload else {
        // The stream makes no sense from here on; xenstored drops the connection.
        request = []
        return
      }
      guard request.count >= 16 + Int(length) else { return }
      let header = Array(request[..<16])
      let payload = Array(request[16..<16 + Int(length)])
      request.removeFirst(16 + Int(length))
      do {
        let reply = try handle(header, payload)
        answer(header.field(0), header, reply)
        // The first event of a watch follows its answer.
        if (header.field(0) as UInt32) == Message.watch.rawValue, let watch = watches.last {
          event(watch[0], watch[1])
        }
      } catch {
        answer(Message.error.rawValue, header, Array(error.name.utf8) + [0])
      }
    }
  }

  /// An error by the name that goes over the wire.
  private struct Refused: Error { var name: String }

  private mutating func handle(_ header: [UInt8], _ payload: [UInt8]) throws(Refused) -> [UInt8] {
    guard let message = Message(rawValue: header.field(0)) else { throw Refused(name: "ENOSYS") }
    let words = payload.split(separator: 0, omittingEmptySubsequences: false).map(Self.text)
    let path = Self.absolute(words.first ?? "")
    if message.namesNode && !Self.isValid(path) { throw Refused(name: "EINVAL") }
    let done = Array("OK".utf8) + [0]
    func requireNode() throws(Refused) {
      guard exists(path) else { throw Refused(name: "ENOENT") }
    }
    switch message {
    case .directory:
      try requireNode()
      return children(path).flatMap { Array($0.utf8) + [0] }
    case .read:
      try requireNode()
      return nodes[path] ?? []
    case .getPermissions:
      try requireNode()
      return Array("n1".utf8) + [0]
    case .write:
      guard let end = payload.firstIndex(of: 0), !words[0].isEmpty else { throw Refused(name: "EINVAL") }
      guard payload.count - end - 1 <= Self.mostBytes else { throw Refused(name: "ENOSPC") }
      try requireRoom(path)
      nodes[path] = Array(payload[(end + 1)...])
      changed(path)
    case .makeDirectory:
      if !exists(path) {
        try requireRoom(path)
        nodes[path] = []
        changed(path)
      }
    case .remove:
      try requireNode()
      for node in nodes.keys.sorted() where node == path || node.hasPrefix(path + "/") { nodes[node] = nil }
      changed(path)
    case .setPermissions: try requireNode()
    case .watch:
      guard words.count >= 2 else { throw Refused(name: "EINVAL") }
      guard !watches.contains([words[0], words[1]]) else { throw Refused(name: "EEXIST") }
      guard watches.count < Self.mostWatches else { throw Refused(name: "E2BIG") }
      watches.append([words[0], words[1]])
    case .unwatch:
      guard words.count >= 2, let index = watches.firstIndex(of: [words[0], words[1]]) else {
        throw Refused(name: "ENOENT")
      }
      watches.remove(at: index)
    case .resetWatches: watches = []
    case .startTransaction:
      lastTransaction += 1
      return Array(String(lastTransaction).utf8) + [0]
    case .endTransaction: break
    case .domainPath: return Array("/local/domain/\(words.first ?? "")".utf8) + [0]
    case .introduce, .release, .isDomainIntroduced, .resume, .setTarget: throw Refused(name: "EACCES")
    case .watchEvent, .error: throw Refused(name: "ENOSYS")
    }
    return done
  }

  private func requireRoom(_ path: String) throws(Refused) {
    guard nodes[path] != nil || nodes.count < Self.mostNodes else { throw Refused(name: "ENOSPC") }
  }

  private func exists(_ path: String) -> Bool {
    nodes[path] != nil || path == "/local/domain/1" || nodes.keys.contains { $0.hasPrefix(path + "/") }
  }

  private func children(_ path: String) -> [String] {
    let below = nodes.keys.filter { $0.hasPrefix(path + "/") }
      .map { $0.dropFirst(path.utf8.count + 1).prefix { $0 != "/" } }
    return Set(below.map(String.init)).sorted()
  }
}

extension XenPVComputer {
  /// The guest notified XenStore: reads what it asks, answers, and tells it where something moved.
  func serveXenStore() {
    guard domain.storeFrame != 0 else { return }
    let ring = domain.storeFrame << 12
    var hasMoved = false
    // An answer makes room for requests to be read and the other way round, until nothing moves.
    while takeRequests(ring) || giveAnswers(ring) { hasMoved = true }
    if hasMoved { setPending(domain.storePort) }
  }

  private func takeRequests(_ ring: UInt64) -> Bool {
    let (consumer, producer) = (machineWord32(ring + 2048), machineWord32(ring + 2052))
    let count = producer &- consumer
    // Enough for any request and its answer; what is beyond waits in the ring.
    guard count > 0, count <= 1024, domain.xenStore.answers.count <= XenStore.mostPayload else { return false }
    for index in 0..<count {
      domain.xenStore.request.append(machineByte(ring + UInt64((consumer &+ index) % 1024)))
    }
    setMachineWord32(ring + 2048, producer)
    domain.xenStore.work()
    return true
  }

  private func giveAnswers(_ ring: UInt64) -> Bool {
    let (consumer, producer) = (machineWord32(ring + 2056), machineWord32(ring + 2060))
    let used = producer &- consumer
    guard used < 1024, !domain.xenStore.answers.isEmpty else { return false }
    let count = min(1024 - used, UInt32(clamping: domain.xenStore.answers.count))
    for index in 0..<count {
      setMachineByte(ring + 1024 + UInt64((producer &+ index) % 1024), domain.xenStore.answers[Int(index)])
    }
    setMachineWord32(ring + 2060, producer &+ count)
    domain.xenStore.answers.removeFirst(Int(count))
    return true
  }
}
