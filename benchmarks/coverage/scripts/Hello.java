import java.nio.file.*;
class Hello {
    public static void main(String[] args) throws Exception {
        Files.writeString(Path.of("java.out"), "x".repeat(70000));
        Thread t = new Thread(() -> System.out.println(Path.of("notes").toFile().length()));
        t.start(); t.join();
        System.out.println(new ProcessBuilder("cat", "notes").start().waitFor());
    }
}
