import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Compiled code, threads, children, faults the machine turns into exceptions. */
public class Work {
    static int busy(int n) {
        int sum = 0;
        for (int i = 0; i < n; i++) sum = sum * 31 + (i ^ (i >> 3));
        return sum;
    }

    /** Compiled, the check for null is a SIGSEGV. */
    static int length(String text) {
        return text.length();
    }

    static int deeper(int n) {
        return deeper(n + 1) + 1;
    }

    static void exceptions() {
        int caught = 0;
        for (int i = 0; i < 60000; i++) {
            try {
                length(i % 3000 == 2999 ? null : "text");
            } catch (NullPointerException e) {
                caught++;
            }
        }
        try {
            deeper(0);
        } catch (StackOverflowError e) {
            caught++;
        }
        System.out.println("exceptions: " + caught);
    }

    static void threads() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Integer>> results = new ArrayList<>();
        for (int k = 0; k < 12; k++) {
            int number = k;
            results.add(pool.submit(() -> {
                int sum = 0;
                for (int i = 0; i < 20; i++) {
                    sum += Files.readAllBytes(Path.of("/dev/null")).length;
                }
                return sum + busy(10000 * number);
            }));
        }
        int sum = 0;
        for (Future<Integer> each : results) sum += each.get();
        pool.shutdown();
        System.out.println("threads: " + sum);
    }

    static void children() throws Exception {
        Process echo = new ProcessBuilder("sh", "-c", "echo from the shell; exit 3").start();
        String said = new String(echo.getInputStream().readAllBytes()).trim();
        System.out.println("children: " + said + " " + echo.waitFor());
    }

    static void garbage() {
        List<byte[]> kept = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            kept.add(new byte[20000]);
            if (kept.size() > 100) kept.clear();
        }
        System.gc();
        System.out.println("collected: " + kept.size());
    }

    static void files() throws Exception {
        Path folder = Files.createTempDirectory("work");
        for (int i = 0; i < 40; i++) Files.writeString(folder.resolve("" + i), "text " + i);
        File[] all = folder.toFile().listFiles();
        for (File each : all) each.delete();
        System.out.println("files: " + all.length + " " + folder.toFile().delete());
    }

    public static void main(String[] words) throws Exception {
        int sum = 0;
        for (int i = 0; i < 300; i++) sum += busy(20000 + i);
        System.out.println("compiled: " + sum);
        exceptions();
        threads();
        children();
        garbage();
        files();
        System.out.print("note: " + Files.readString(Path.of("note")));
        System.exit(7);
    }
}
