#include <pthread.h>
#include <unistd.h>
#include <stdio.h>
#include <fcntl.h>
static void *t(void*a){char c;int fd=open("/dev/zero",O_RDONLY);for(;;)read(fd,&c,1);return a;}
int main(){for(int i=0;i<200;i++){pthread_t p;pthread_create(&p,0,t,0);usleep(300);pthread_cancel(p);void*r;pthread_join(p,&r);if(r!=PTHREAD_CANCELED)return 1;}puts("EXIT-SUCCESS");}
