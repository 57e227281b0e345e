// The kernel's start on either platform: it finds out where it is, patches itself, sets up what the platform asks for and runs
// /init of the initramfs.

@_cdecl("kernel_main")
func kernelMain(onXen: UInt, startInfo: UInt) {
  kernel.on_xen = onXen
  kernel.start_info = startInfo
  Alternatives.apply()
  if onXen != 0 {
    XenGuest.start()
  } else {
    BareMetal.start()
  }
  Clock.start()
  Console.put("reference kernel, design ")
  Console.put(text: design_name_address())
  Console.end()
  guard let program = Initramfs.find("init") else { panic("no /init in the initramfs") }
  Task.startFirst(program)
}

/// Gives up, in words that an observer recognises.
func panic(_ why: StaticString, _ value: UInt = 0) -> Never {
  local_irq_disable()
  Console.put("Kernel panic: ")
  Console.put(why)
  Console.put(" ")
  Console.put(hex: value)
  Console.end()
  stopMachine(crashed: true)
}

func stopMachine(crashed: Bool) -> Never {
  if kernel.on_xen != 0 {
    // SCHEDOP_shutdown of xen/include/public/sched.h: 0 powers off, 3 is a crash.
    Hypercall.schedulerOperation(2, words(crashed ? 3 : 0))
  } else {
    // The port by which QEMU's machines power off once their firmware has set up ACPI; nothing elsewhere.
    out_half(0x604, 0x2000)
  }
  while true { stop() }
}
