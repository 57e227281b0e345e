/// Goal: whatever signal ends `limen boot`, the terminal is as it was.
import Foundation
import Testing

@Suite struct TerminalTests {
  @Test(arguments: [SIGTERM, SIGHUP, SIGINT, SIGQUIT])
  func aSignalLeavesTheTerminalAsItWas(number: Int32) throws {
    let folder = try TemporaryFolder()
    let kernel = try TinyKernel(["BOOT=1: jmp 1b"], in: folder.url)
    var (ours, its): (Int32, Int32) = (-1, -1)
    try #require(openpty(&ours, &its, nil, nil, nil) == 0)
    defer { for descriptor in [ours, its] { close(descriptor) } }
    func modes() -> [tcflag_t] {
      var settings = termios()
      #expect(tcgetattr(its, &settings) == 0)
      return [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag]
    }
    let before = modes()
    let limen = LimenProgram(probe: kernel.path, cache: folder.url.path + "/cache")
    let running = try limen.start(
      ["boot", kernel.path, "--memory", "16"], before: ["env", "--default-signal=INT,TERM,HUP,QUIT"],
      input: FileHandle(fileDescriptor: its, closeOnDealloc: false))
    while running.process.isRunning && modes() == before { usleep(10_000) }
    #expect(modes() != before)
    kill(running.process.processIdentifier, number)
    let ended = try running.ended()
    #expect(ended.bySignal && ended.status == number)
    #expect(modes() == before)
  }
}
