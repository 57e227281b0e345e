/// A connection to gdb: standard input and output, or one client of a socket. The one place with the host's calls.
///
/// A TCP socket listens on 127.0.0.1 alone: whoever reaches it reads the guest's memory. socket(7), ip(7), unix(7).
import Foundation

package final class Connection {
  package struct Refusal: Error, CustomStringConvertible {
    package var description: String
  }

  /// Where gdb finds Limen.
  package enum Place: Equatable, Sendable {
    case standardStreams
    /// A TCP port of 127.0.0.1; 0 for one that is free.
    case port(UInt16)
    /// A Unix socket.
    case path(String)

    /// `-`; a port, alone or as `:1234`, `localhost:1234` or `127.0.0.1:1234`; or a path, which holds a slash.
    package init?(_ text: String) {
      if text == "-" {
        self = .standardStreams
      } else if text.contains("/") {
        guard text.utf8.count < Self.longestPath else { return nil }
        self = .path(text)
      } else {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let port = parts.last.flatMap({ UInt16($0) }), parts.count <= 2,
          parts.count == 1 || ["", "localhost", "127.0.0.1"].contains(parts[0])
        else { return nil }
        self = .port(port)
      }
    }

    /// sockaddr_un has room for so many bytes, the last of them zero.
    private static let longestPath = 108
  }

  private let input: Int32
  private let output: Int32

  private init(input: Int32, output: Int32) {
    self.input = input
    self.output = output
  }

  /// Waits for a client. `ready` hears what gdb's `target remote` is to be told, as soon as it may be.
  package static func open(_ place: Place, ready: (String) -> Void) throws(Refusal) -> Connection {
    switch place {
    case .standardStreams:
      return Connection(input: STDIN_FILENO, output: STDOUT_FILENO)
    case .port(let port):
      let listener = try socket(AF_INET)
      defer { close(listener) }
      var on: Int32 = 1
      setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      try bind(listener, &address, "127.0.0.1:\(port)")
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutablePointer(to: &address) {
        _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
      }
      ready("127.0.0.1:\(UInt16(bigEndian: address.sin_port))")
      let client = try accept(listener)
      setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      return Connection(input: client, output: client)
    case .path(let path):
      let listener = try socket(AF_UNIX)
      defer { close(listener) }
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
      try bind(listener, &address, path)
      // It is ours only now: what was there before is somebody's file.
      defer { unlink(path) }
      ready(path)
      let client = try accept(listener)
      return Connection(input: client, output: client)
    }
  }

  private static func socket(_ family: Int32) throws(Refusal) -> Int32 {
    let descriptor = Foundation.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Refusal(description: "no socket: \(reason)") }
    return descriptor
  }

  private static func bind<Address>(_ listener: Int32, _ address: inout Address, _ name: String) throws(Refusal) {
    let size = socklen_t(MemoryLayout<Address>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Foundation.bind(listener, $0, size) == 0 }
    }
    guard isBound, listen(listener, 1) == 0 else {
      throw Refusal(description: "cannot listen at \(name): \(reason)")
    }
  }

  private static func accept(_ listener: Int32) throws(Refusal) -> Int32 {
    while true {
      let client = Foundation.accept(listener, nil, nil)
      if client >= 0 { return client }
      if errno != EINTR { throw Refusal(description: "no connection: \(reason)") }
    }
  }

  private static var reason: String { String(cString: strerror(errno)) }

  deinit {
    guard input == output else { return }
    close(input)
  }

  /// What came; waits for something. Empty where the other side is gone.
  package func receive() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(input, &bytes, bytes.count)
      if count < 0 && errno == EINTR { continue }
      return Array(bytes.prefix(max(0, count)))
    }
  }

  /// What came so far, without waiting; nil where nothing did, empty where the other side is gone.
  package func poll() -> [UInt8]? {
    var state = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    return Foundation.poll(&state, 1, 0) > 0 ? receive() : nil
  }

  /// Sends every byte. False where the other side is gone.
  package func send(_ bytes: [UInt8]) -> Bool {
    var start = 0
    while start < bytes.count {
      let sent = bytes[start...].withUnsafeBytes {
        input == output
          ? Foundation.send(output, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
          : write(output, $0.baseAddress, $0.count)
      }
      if sent < 0 && errno == EINTR { continue }
      guard sent > 0 else { return false }
      start += sent
    }
    return true
  }
}
