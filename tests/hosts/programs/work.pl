# Forks, interpreter threads, pipes, evals, sockets, regular expressions.
use strict;
use warnings;
use threads;
use Socket;
use File::Temp qw(tempdir);

$| = 1;
my %word;
$word{ $_ % 97 } .= "x" x ( $_ % 13 ) for 1 .. 20000;
print "hash: ", scalar( keys %word ), "\n";

my @threads = map {
    my $number = $_;
    threads->create( sub {
        my $sum = 0;
        for ( 1 .. 40 ) {
            open my $in, '<', '/etc/passwd' or die;
            my @lines = <$in>;
            close $in;
            $sum += @lines > 0;
        }
        return $sum + $number;
    } )
} 1 .. 3;
my $sum = 0;
$sum += $_->join for @threads;
print "threads: $sum\n";

my $caught = 0;
for ( 1 .. 200 ) { eval { die { code => $_ } }; $caught++ if ref $@; }
print "evals: $caught\n";

my $status = 0;
for my $code ( 1 .. 5 ) {
    my $pid = fork // die;
    exit $code if $pid == 0;
    waitpid $pid, 0;
    $status += $? >> 8;
}
print "forks: $status\n";
print "shell: ", `echo from the shell`, system( "sh", "-c", "exit 3" ) >> 8, "\n";

socketpair( my $one, my $two, AF_UNIX, SOCK_STREAM, PF_UNSPEC ) or die;
syswrite $one, "over a socket\n";
sysread $two, my $text, 100;
print $text;

my $folder = tempdir( CLEANUP => 1 );
for ( 1 .. 50 ) { open my $out, '>', "$folder/$_" or die; print $out $_; close $out; }
opendir my $dir, $folder or die;
print "files: ", scalar( grep { !/^\./ } readdir $dir ), "\n";
open my $note, '<', 'note' or die;
print "note: ", <$note>;
exit 7;
