# Threads, fibers (stacks of their own), forks, children, collections of garbage.
require 'tempfile'
require 'socket'
require 'fiddle'

$stdout.sync = true
threads = (1..4).map do |n|
  Thread.new { (1..60).sum { |i| File.read('/etc/hostname').empty? ? 0 : n * i } }
end
puts "threads: #{threads.sum(&:value)}"
fibers = (1..50).map { |n| Fiber.new { Fiber.yield(File.exist?('/no/such')); n } }
puts "fibers: #{fibers.count { |f| f.resume == false }} #{fibers.sum(&:resume)}"
caught = (1..300).count do |n|
  raise ArgumentError, "number #{n}"
rescue ArgumentError
  true
end
puts "exceptions: #{caught}"
text = nil
200.times { text = Array.new(500) { |i| "string #{i}" } }
GC.start
GC.compact if GC.respond_to?(:compact)
puts "collected: #{text.size}"
codes = (1..5).map do |code|
  pid = fork { GC.start; exit!(code) }
  Process.wait2(pid)[1].exitstatus
end
puts "forks: #{codes.sum}"
puts "children: #{`echo from the shell`.strip} #{system('sh', '-c', 'exit 3')} #{$?.exitstatus}"
read, write = IO.pipe
pid = spawn('echo spawned', out: write)
write.close
puts read.read
Process.wait(pid)
one, two = UNIXSocket.pair
one.puts 'over a socket'
puts two.gets
Tempfile.create('work') { |file| file.write('x' * 10_000); file.flush; puts file.size }
strlen = Fiddle::Function.new(Fiddle.dlopen(nil)['strlen'], [Fiddle::TYPE_VOIDP], Fiddle::TYPE_INT)
puts "fiddle: #{strlen.call('seven..')}"
puts "note: #{File.read('note')}"
exit 7
