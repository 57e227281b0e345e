import Foundation

/// A connection to a Unix socket, every wait with an end. unix(7), poll(2).
final class StreamSocket {
  private let descriptor: Int32
  private var received: ArraySlice<UInt8> = []

  /// Waits until something listens at the path, as long as what is to listen is alive.
  init(path: String, while isAlive: () -> Bool) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < room else { throw ProgramFailure(description: "too long for a socket: \(path)") }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw ProgramFailure(description: "no socket: errno \(errno)") }
    while true {
      let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      if connected == 0 { return }
      guard isAlive() else {
        throw ProgramFailure(description: "nothing listens at \(path): errno \(errno)")
      }
      usleep(20_000)
    }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Without a signal if the other end is gone.
      let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard sent > 0 else { throw ProgramFailure(description: "the connection is gone: errno \(errno)") }
      rest = rest.dropFirst(sent)
    }
  }

  /// The next byte; nil when the other end has closed.
  func byte(before end: DispatchTime) throws -> UInt8? {
    if let first = received.popFirst() { return first }
    let now = DispatchTime.now().uptimeNanoseconds
    let milliseconds = end.uptimeNanoseconds > now ? Int32((end.uptimeNanoseconds - now) / 1_000_000) : 0
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, milliseconds) > 0 else { throw ProgramFailure(description: "no answer in time") }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return nil }
    received = buffer[..<count]
    return received.popFirst()
  }
}
